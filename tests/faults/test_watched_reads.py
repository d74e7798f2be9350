"""What a reader sees while workers die: of every batch all or nothing, and nothing goes away."""

import asyncio
import signal
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import asyncpg
import pytest

from tests.faults.bench import FACTOR, Bench

pytestmark = pytest.mark.faults
N_READS = 10_000 * FACTOR
N_READERS = 4
EVERY_SECONDS = 0.005
# Sees what was committed when a statement begins, and commits come between two statements.
CONTROL: Literal["read_committed"] = "read_committed"
KEYS = 'select log_id, "partition", count(*) from ingest.event_keys group by 1, 2'
LETTERS = 'select log_id, "partition", count(*) from ingest.dead_letters group by 1, 2'
POSITIONS = 'select log_id, "partition", next_offset from ingest.partitions'
BATCHES = 'select log_id, "partition", consumed, inserted, dead, hash from ingest.batches'
COUNTED = "select coalesce(sum(n), 0) from ingest.daily_statistics"
IDS = "select source_id, event_id from ingest.event_keys"
Place = tuple[int, int]


@dataclass(kw_only=True)
class Reader:
    """Reads everything in one transaction, every few milliseconds."""

    connection: asyncpg.Connection
    isolation: Literal["repeatable_read", "read_committed"] = "repeatable_read"
    ended: bool = False
    n_reads: int = 0
    n_torn: int = 0
    n_gone: int = 0
    states: set[int] = field(default_factory=set)
    hashes: set[bytes] = field(default_factory=set)
    ids: set[tuple[int, str]] = field(default_factory=set)

    async def run(self) -> None:
        """Read until it is ended."""
        while not self.ended:
            async with self.connection.transaction(isolation=self.isolation, readonly=True):
                await self._read()
            await asyncio.sleep(EVERY_SECONDS)

    async def _read(self) -> None:
        keys, letters = await self._by_place(KEYS), await self._by_place(LETTERS)
        positions = await self._by_place(POSITIONS)
        counted = await self.connection.fetchval(COUNTED)
        consumed, inserted, dead = Counter[Place](), Counter[Place](), Counter[Place]()
        hashes = set()
        for (
            log_id,
            partition,
            n_consumed,
            n_inserted,
            n_dead,
            of_batch,
        ) in await self.connection.fetch(BATCHES):
            place = log_id, partition
            consumed[place] += n_consumed
            inserted[place] += n_inserted
            dead[place] += n_dead
            hashes.add(of_batch)
        told = (+consumed, +inserted, +dead, inserted.total())
        self.n_torn += told != (positions, keys, letters, counted)
        self.n_gone += len(self.hashes - hashes)
        self.hashes = hashes
        self.states.add(len(hashes))
        if self.n_reads % 20 == 0:
            ids = {(row[0], row[1]) for row in await self.connection.fetch(IDS)}
            self.n_gone += len(self.ids - ids)
            self.ids = ids
        self.n_reads += 1

    async def _by_place(self, query: str) -> Counter[Place]:
        rows = await self.connection.fetch(query)
        return +Counter({(row[0], row[1]): row[2] for row in rows})


@pytest.mark.timeout(300)
async def test_a_reader_sees_of_every_batch_all_or_nothing(bench: Bench) -> None:
    connections = [await asyncpg.connect(bench.database) for _ in range(N_READERS + 1)]
    readers = [Reader(connection=each) for each in connections[:N_READERS]]
    control = Reader(connection=connections[-1], isolation=CONTROL)
    tasks = [asyncio.ensure_future(each.run()) for each in (*readers, control)]
    n_kills = 0

    bench.start(batch_records_max=20)
    while sum(each.n_reads for each in readers) < N_READS:
        doomed = bench.start(batch_records_max=20, failpoints="mid_insert=kill:4")
        await bench.produce(60, junk=0.05)
        await asyncio.sleep(1)
        doomed.kill()
        await asyncio.to_thread(doomed.join, 10)
        assert doomed.exitcode == -signal.SIGKILL
        n_kills += 1
    await bench.drain()
    for reader in (*readers, control):
        reader.ended = True
    await asyncio.gather(*tasks)
    for each in connections:
        await each.close()

    assert [each.n_torn for each in readers] == [0] * N_READERS
    assert [each.n_gone for each in (*readers, control)] == [0] * (N_READERS + 1)
    # Or there was nothing to see: what looks without a snapshot must see halves.
    assert min(len(each.states) for each in readers) > n_kills
    assert control.n_torn > 0
    assert (await bench.verdict()).right
