"""Two workers that store at once: one is through with its batch and has yet to commit."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from aivalue.events.encode import Message
from services.ingest.batch import Batch
from services.ingest.storing.handler import Store
from services.ingest.storing.identities import Ids
from services.ingest.storing.keys import Stored
from tests.integration.ingest.material import batch_of, claim, open_store


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Who stores what comes on a partition."""

    connection: asyncpg.Connection
    store: Store
    partition: int

    @classmethod
    async def open(cls, address: str, partition: int) -> "Worker":
        """Connect."""
        connection, store = await open_store(address)
        return cls(connection=connection, store=store, partition=partition)

    async def begin(self, tenant: str, messages: Sequence[Message]) -> "Begun":
        """Write a batch."""
        claimed = await claim(self.connection, tenant=tenant, partition=self.partition)
        batch = batch_of(claimed, messages)
        ids = await self.store.resolve(self.connection, tenant, batch.events)
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            stored = await self.store.write(self.connection, batch, ids)
        except asyncpg.PostgresError:
            await transaction.rollback()
            raise
        return Begun(worker=self, transaction=transaction, batch=batch, ids=ids, stored=stored)

    async def deliver(self, tenant: str, messages: Sequence[Message]) -> Stored:
        """Write a batch and commit it."""
        begun = await self.begin(tenant, messages)
        return await begun.commit()


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A batch that is written and not committed."""

    worker: Worker
    transaction: asyncpg.transaction.Transaction
    batch: Batch
    ids: Ids
    stored: Stored

    async def commit(self) -> Stored:
        """Commit it."""
        await self.transaction.commit()
        self.worker.store.committed(self.batch, self.ids, self.stored)
        return self.stored


@dataclass(frozen=True, kw_only=True)
class Rivals:
    """Two workers, and who sees whether one waits for the other."""

    first: Worker
    second: Worker
    observer: asyncpg.Connection

    @classmethod
    async def open(cls, address: str) -> "Rivals":
        """Connect all of them."""
        observer = await asyncpg.connect(address)
        workers = [await Worker.open(address, partition) for partition in range(2)]
        return cls(first=workers[0], second=workers[1], observer=observer)

    async def deliver(
        self, tenant: str, one: Sequence[Message], other: Sequence[Message]
    ) -> tuple[Stored, Stored]:
        """Store both; the second goes as far as it can before the first commits."""
        begun = await self.first.begin(tenant, one)
        rival = asyncio.create_task(self.second.deliver(tenant, other))
        pid = self.second.connection.get_server_pid()
        while not rival.done():
            if await self.observer.fetchval("select pg_blocking_pids($1) <> '{}'", pid):
                break
        return await begun.commit(), await rival

    async def close(self) -> None:
        """Disconnect."""
        for connection in (self.first.connection, self.second.connection, self.observer):
            await connection.close()
