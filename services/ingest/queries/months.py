"""Monthly partitions of the raw events."""

from collections.abc import Sequence
from datetime import date

from asyncpg import Connection


async def create_months(connection: Connection, months: Sequence[tuple[date, date]]) -> None:
    """Create the partitions that are missing.

    By a function of the tables' owner: the service itself may change no table.
    """
    async with connection.transaction():
        for first, _ in months:
            await connection.execute("select ingest.create_event_month($1)", first)
