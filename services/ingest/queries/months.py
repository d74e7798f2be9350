"""Monthly partitions of the raw events."""

from collections.abc import Sequence
from datetime import date

from asyncpg import Connection

# Two programs that start together would both find a month missing.
_LOCK = 0x61697661


async def create_months(connection: Connection, months: Sequence[tuple[date, date]]) -> None:
    """Create the partitions that are missing."""
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
        for first, following in months:
            name = f"events_{first:%Y_%m}"
            if await connection.fetchval("select to_regclass($1)", f"ingest.{name}") is None:
                # Names and bounds of DDL take no parameters; these are made of dates only.
                await connection.execute(
                    f"create table ingest.{name} partition of ingest.events "
                    f"for values from ('{first}') to ('{following}')"
                )
