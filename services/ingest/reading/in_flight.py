"""Batches that were handed over to be stored and are not settled yet, a few in each lane."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiokafka import TopicPartition

from services.ingest.batch import Batch
from services.ingest.lanes import LANES, lanes_of
from services.ingest.storing.keys import Stored

# One is being stored, the next is ready when it is.
BATCHES_MAX: Final = 2


@dataclass(slots=True, kw_only=True, eq=False)
class Handed:
    """A batch and the offset that follows it in each of its partitions.

    Attributes
    ----------
    ended_at :
        None until its end was heard of, which whoever polls meanwhile settles later.
    """

    batch: Batch
    following: dict[TopicPartition, int]
    submitted_at: float
    future: "asyncio.Future[Stored]"
    ended_at: float | None = None


class InFlight:
    """Keeps them in the order they were handed over; those of one lane end in this order."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._handed: list[Handed] = []

    def __len__(self) -> int:
        return len(self._handed)

    def n_records(self) -> Counter[TopicPartition]:
        """Count the records of each partition that are read and not settled."""
        counts: Counter[TopicPartition] = Counter()
        for each in self._handed:
            for partition, stretch in zip(each.following, each.batch.stretches, strict=True):
                counts[partition] += len(stretch.records)
        return counts

    def lanes_with_room(self) -> frozenset[int]:
        """Return the lanes that take another batch."""
        in_lane = Counter(lane for each in self._handed for lane in lanes_of(each.batch))
        return frozenset(lane for lane in range(LANES) if in_lane[lane] < BATCHES_MAX)

    def taken_next(self, batches: Sequence[Batch]) -> int | None:
        """Return the index of the first batch whose lanes have room, None where there is none."""
        with_room = self.lanes_with_room()
        for index, batch in enumerate(batches):
            if lanes_of(batch) <= with_room:
                return index
        return None

    def add(
        self,
        future: "asyncio.Future[Stored]",
        batch: Batch,
        following: dict[TopicPartition, int],
    ) -> None:
        """Keep a batch until it is settled."""
        handed = Handed(future=future, batch=batch, following=following, submitted_at=self._clock())
        future.add_done_callback(partial(self._note_end, handed))
        self._handed.append(handed)

    def _note_end(self, handed: Handed, _: "asyncio.Future[Stored]") -> None:
        handed.ended_at = self._clock()

    async def wait(self) -> None:
        """Wait until one has ended, of whichever lane; who stops waiting stops none of them."""
        futures = [each.future for each in self._handed]
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)

    def take_ended(self) -> Iterator[Handed]:
        """Give up what has ended, one by one, the oldest first."""
        for each in [each for each in self._handed if each.future.done()]:
            self._handed.remove(each)
            yield each

    async def finish(self) -> list[tuple[Handed, Stored]]:
        """Let everything end, well or badly, and give it up; return what is stored.

        Whoever is told to stop meanwhile leaves the transactions to their end.
        """
        futures = [each.future for each in self._handed]
        results = await asyncio.shield(asyncio.gather(*futures, return_exceptions=True))
        ended = zip(self._handed, results, strict=True)
        stored = [(each, result) for each, result in ended if isinstance(result, Stored)]
        self._handed.clear()
        return stored

    def give_up(self) -> None:
        """Stop whatever has not ended."""
        for each in self._handed:
            each.future.cancel()
