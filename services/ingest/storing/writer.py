"""The thread that stores: its own event loop, and in it two lanes with a connection each.

A thread, because PostgreSQL's work then overlaps with decoding the next batch; a task in the
consumer's loop would not. Two lanes, because most of a transaction is waiting for PostgreSQL:
their transactions run side by side as those of two processes do (docs/adr/0025).
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Protocol

import asyncpg
import uvloop

from aivalue.runtime.postgres import CONNECTION_ERRORS
from services.ingest.batch import Batch
from services.ingest.lanes import LANES, lanes_of
from services.ingest.storing.handler import Store
from services.ingest.storing.keys import Stored
from services.ingest.storing.ready import Ready
from services.ingest.storing.turns import Turns

CONNECT_SECONDS = 10
STOP_SECONDS = 10


def connection_settings(application_name: str) -> dict[str, Any]:
    """Return how connections that bypass SQLAlchemy are opened."""
    return {
        "timeout": CONNECT_SECONDS,
        "command_timeout": 60,
        "server_settings": {
            "application_name": application_name,
            "jit": "off",
            "statement_timeout": "30000",
            "idle_in_transaction_session_timeout": "15000",
            "timezone": "UTC",
        },
    }


class Storing(Protocol):
    """Whoever stores batches, each in one transaction, those of a lane in the order they come."""

    def submit(self, batch: Batch) -> "asyncio.Future[Stored]":
        """Queue a batch."""


class Writer:
    """Stores the batches of a lane as they are submitted; one that fails leaves nothing."""

    def __init__(self, address: str, store: Store) -> None:
        self._store = store
        self._loop = _new_loop()
        self._thread = threading.Thread(target=self._run, name="ingest-writer", daemon=True)
        self._turns = Turns()
        self._connections = [_Connection(address, store) for _ in range(LANES)]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def submit(self, batch: Batch) -> "asyncio.Future[Stored]":
        """Queue a batch in its lanes; the future belongs to the caller's loop."""
        return self._call(self._write(batch, self._store.ready(batch), lanes_of(batch)))

    def _call(self, work: Coroutine[None, None, Stored]) -> "asyncio.Future[Stored]":
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _write(self, batch: Batch, ready: Ready | None, lanes: frozenset[int]) -> Stored:
        async with self._turns.taken(lanes):
            return await self._connections[min(lanes)].store(batch, ready)

    async def _close(self) -> None:
        # At once: one that hangs must not take the other's time.
        await asyncio.gather(*map(self._close_lane, range(LANES)))

    async def _close_lane(self, lane: int) -> None:
        async with self._turns.taken(frozenset({lane})):
            await self._connections[lane].close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Writer"]:
        """Run the thread; what was submitted is finished before it ends."""
        self._thread.start()
        try:
            yield self
        finally:
            closing = asyncio.run_coroutine_threadsafe(self._close(), self._loop)
            with contextlib.suppress(TimeoutError, *CONNECTION_ERRORS):
                async with asyncio.timeout(STOP_SECONDS):
                    await asyncio.wrap_future(closing)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_SECONDS)


class _Connection:
    """A connection of our own, opened when it is needed, and one transaction at a time on it."""

    def __init__(self, address: str, store: Store) -> None:
        self._address = address
        self._store = store
        self._connection: asyncpg.Connection | None = None

    async def store(self, batch: Batch, ready: Ready | None) -> Stored:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        try:
            return await self._store.store(self._connection, batch, ready)
        except (asyncpg.PostgresError, *CONNECTION_ERRORS):
            # Whatever happened to it, the next batch begins on a connection we know.
            self._connection.terminate()
            self._connection = None
            raise

    async def _connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self._address, **connection_settings("ingest-writer"))
        try:
            await self._store.prepare(connection)
        except BaseException:
            # On a full disk there is a connection but no staging table: it must not be kept.
            connection.terminate()
            raise
        return connection

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close(timeout=STOP_SECONDS)


def _new_loop() -> asyncio.AbstractEventLoop:
    factory: Callable[[], asyncio.AbstractEventLoop] = (
        asyncio.new_event_loop if sys.platform == "win32" else uvloop.new_event_loop
    )
    return factory()
