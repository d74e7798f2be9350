"""Rows of a query on the business's own PostgreSQL, through a cursor on the server.

The query runs in a read-only transaction of one snapshot: it changes nothing there, and rows
that are written meanwhile are not half seen.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import asyncpg

from aivalue.cli.events.tables import READ_ROWS, Row, Table, UnreadableTable

CONNECT_SECONDS = 15.0


@contextlib.asynccontextmanager
async def query_table(query: str, *, name: str, address: str) -> AsyncIterator[Table]:
    """Run a query and offer its rows, numbered from 1.

    Raises
    ------
    UnreadableTable
        The database is away or refuses the query, or two columns have one name.
    """
    try:
        connection = await asyncpg.connect(
            address,
            timeout=CONNECT_SECONDS,
            server_settings={"application_name": "aivalue-events-import"},
        )
    except (OSError, ValueError, TimeoutError, asyncpg.PostgresError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UnreadableTable(f"the database cannot be reached: {reason}") from error
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            prepared = await connection.prepare(query)
            columns = tuple(each.name for each in prepared.get_attributes())
            if not columns or len(set(columns)) < len(columns):
                raise UnreadableTable(f"{name}: needs columns of different names, got {columns}")
            rows = _rows(prepared)
            async with contextlib.aclosing(rows):
                yield Table(name=name, columns=columns, rows=rows)
    except asyncpg.PostgresError as error:
        raise UnreadableTable(f"{name}: {error}") from error
    finally:
        await connection.close()


async def _rows(prepared: asyncpg.prepared_stmt.PreparedStatement) -> AsyncGenerator[Row, None]:
    number = 0
    async for record in prepared.cursor(prefetch=READ_ROWS):
        number += 1
        yield Row(number=number, cells=dict(record))
