"""Whether turns come one at a time in each lane, in order, and in all lanes at once if asked so."""

import asyncio

from services.ingest.storing.turns import Turns

BOTH = frozenset({0, 1})


class Visits:
    """Tasks that take a turn, note it, and stay until they are told to leave."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.seen: list[str] = []
        self.leave: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def ask(self, name: str, *lanes: int) -> None:
        self.leave[name] = asyncio.Event()
        self.tasks[name] = asyncio.ensure_future(self._visit(name, frozenset(lanes)))

    async def _visit(self, name: str, lanes: frozenset[int]) -> None:
        async with self.turns.taken(lanes):
            self.seen.append(name)
            await self.leave[name].wait()

    async def seen_by_now(self) -> str:
        for _ in range(5):
            await asyncio.sleep(0)
        return "".join(self.seen)

    async def end(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def test_lanes_do_not_wait_for_each_other() -> None:
    visits = Visits()
    visits.ask("a", 0)
    visits.ask("b", 0)
    visits.ask("c", 1)

    assert await visits.seen_by_now() == "ac"
    visits.leave["a"].set()
    assert await visits.seen_by_now() == "acb"
    await visits.end()


async def test_who_asks_for_both_is_alone_and_those_who_ask_later_wait_behind() -> None:
    visits = Visits()
    visits.ask("a", 0)
    visits.ask("B", *BOTH)
    # Its lane is free, and would it enter now, a partition's order could be lost.
    visits.ask("c", 1)

    assert await visits.seen_by_now() == "a"
    visits.leave["a"].set()
    assert await visits.seen_by_now() == "aB"
    visits.leave["B"].set()
    assert await visits.seen_by_now() == "aBc"
    await visits.end()


async def test_who_gives_up_waiting_lets_nobody_in_before_the_turn_has_ended() -> None:
    visits = Visits()
    visits.ask("a", 0)
    visits.ask("B", *BOTH)
    visits.ask("c", 0)
    assert await visits.seen_by_now() == "a"

    visits.tasks["B"].cancel()

    assert await visits.seen_by_now() == "a"
    visits.leave["a"].set()
    assert await visits.seen_by_now() == "ac"
    await visits.end()
