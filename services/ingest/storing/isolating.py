"""Find the events that PostgreSQL refuses, so that they alone become dead letters.

Decoding refuses what is known to be unstorable; this is for what nobody thought of. One refused
row aborts a whole transaction, so the batch is tried (and rolled back) without some of its events.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from asyncpg import Connection, DataError, PostgresError

from services.ingest.taxonomy import Action, MassRefusal, action_for

CULPRITS_MAX: Final = 50

Attempt = Callable[[frozenset[int]], Awaitable[bool]]
# Writes in the transaction that is open, without the events of the set.
Write = Callable[[frozenset[int]], Awaitable[object]]


async def refused_events(
    connection: Connection, write: Write, *, n_events: int, began: Exception
) -> frozenset[int]:
    """Return what `culprits` does, by trials in transactions that are all rolled back.

    Raises
    ------
    MassRefusal
        It is not the events' fault; `began` is the error it began with.
    Exception
        Any error that is not about data.
    """

    async def attempt(refused: frozenset[int]) -> bool:
        trial = connection.transaction()
        await trial.start()
        try:
            await write(refused)
        except (PostgresError, DataError) as error:
            if action_for(error) is not Action.DEAD_LETTER:
                raise
            return False
        else:
            return True
        finally:
            await trial.rollback()

    found = await culprits(attempt, n_events=n_events)
    if found is None:
        said = f"PostgreSQL refuses most of {n_events} events, first: {began.args[0]}"
        raise MassRefusal(said) from began
    return found


async def culprits(attempt: Attempt, *, n_events: int) -> frozenset[int] | None:
    """Return the fewest events, from the front, without which the batch can be stored.

    None where it fails even without any, or there are too many: then it is not the events' fault.
    Each takes about log2(n_events) attempts.
    """
    if not await attempt(frozenset(range(n_events))):
        return None
    found: frozenset[int] = frozenset()
    while not await attempt(found):
        if len(found) == CULPRITS_MAX:
            return None
        rest = [seq for seq in range(n_events) if seq not in found]
        passing, failing = 0, len(rest)
        while failing - passing > 1:
            middle = (passing + failing) // 2
            if await attempt(found.union(rest[middle:])):
                passing = middle
            else:
                failing = middle
        found |= {rest[failing - 1]}
    return found
