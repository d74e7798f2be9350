"""What is done now and then: partitions for the months to come, a count of the dead letters."""

import asyncio
import itertools
from datetime import date

import asyncpg
import structlog

from aivalue.runtime.clock import utc_now
from services.ingest import metrics
from services.ingest.queries import dead_letters, months
from services.ingest.taxonomy import Action, action_for

MONTHS_AHEAD = 2
INTERVAL_SECONDS = 3_600.0
COUNT_SECONDS = 30.0
RETRY_SECONDS = 30.0
logger = structlog.get_logger()


async def keep_event_partitions(pool: asyncpg.Pool, seconds: float) -> None:
    """Look again after so many seconds, and so on until cancelled.

    A month without its partition would go to the default one.
    """
    while True:
        await asyncio.sleep(seconds)
        seconds = await create_event_partitions(pool)


async def create_event_partitions(pool: asyncpg.Pool) -> float:
    """Create the partitions that are missing, if PostgreSQL lets us; return when to look again.

    Also before the first event is taken in: a month that begins in the default one ends there.
    """
    try:
        async with pool.acquire() as connection:
            await months.create_months(connection, months_from(utc_now().date()))
    except Exception as error:
        if action_for(error) is not Action.START_OVER:
            raise
        logger.warning("partitions of events wait", error=repr(error))
        return RETRY_SECONDS
    return INTERVAL_SECONDS


async def count_dead_letters(pool: asyncpg.Pool) -> None:
    """Keep the gauge of dead letters right, until cancelled."""
    known: set[tuple[str, str]] = set()
    while True:
        try:
            async with pool.acquire() as connection:
                known = await observe_dead_letters(connection, known)
        except Exception as error:
            if action_for(error) is not Action.START_OVER:
                raise
        await asyncio.sleep(COUNT_SECONDS)


async def observe_dead_letters(
    connection: asyncpg.Connection, known: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Set the gauge; what was `known` and is gone is 0 now."""
    rows = await dead_letters.count_dead_letters(connection)
    counts = dict.fromkeys(known, 0) | {(status, reason): n for status, reason, n in rows}
    for (status, reason), n in counts.items():
        metrics.DEAD_LETTERS_KEPT.labels(status, reason).set(n)
    return set(counts)


def months_from(today: date, *, n_ahead: int = MONTHS_AHEAD) -> list[tuple[date, date]]:
    """Return this month and the next ones, each as [first day, first day of the next)."""
    firsts = []
    year, month = today.year, today.month
    for _ in range(n_ahead + 2):
        firsts.append(date(year, month, 1))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)  # noqa: PLR2004 - December
    return list(itertools.pairwise(firsts))
