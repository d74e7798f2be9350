"""Whether PostgreSQL does what the ledger in memory does, over which every schedule is checked.

Hypothesis writes short schedules of two workers over two partitions: claims, batches (whose reply
may be lost, so that they are sent again), halts, rotations. Both must answer every step alike and
hold the same in the end, to the last hash.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aivalue.events.encode import Message
from services.ingest.batch import Batch, Stretch
from services.ingest.queries import partitions
from services.ingest.queries.partitions import Claim, Fenced, Refusal
from services.ingest.reading.claims import LEASE_SECONDS
from services.ingest.storing.handler import Store
from tests.integration.ingest.material import NOW, TOPIC, batch_of, open_store
from tests.model.ledger import Ledger, Row
from tests.model.world import JUNK, measurement, retraction

EXAMPLES = 200
_TENANTS = itertools.count(1)
_MESSAGES: Mapping[str, Message] = {
    **{f"m{number}{value}": measurement(number, value) for number in range(3) for value in (1, 2)},
    **{f"r{number}": retraction(number) for number in range(3)},
    "junk": JUNK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens next; `expired` leases may be taken over, `heard` is the reply to COMMIT."""

    what: str
    worker: int
    partition: int
    expired: bool
    heard: bool
    said: Sequence[Sequence[str]]


_STEPS = st.lists(
    st.builds(
        Step,
        what=st.sampled_from(
            ["claim"] * 3 + ["store"] * 5 + ["halt", "resume", "rotate", "release", "renew"]
        ),
        worker=st.integers(0, 1),
        partition=st.integers(0, 1),
        expired=st.booleans(),
        heard=st.booleans(),
        said=st.lists(
            st.lists(st.sampled_from(sorted(_MESSAGES)), min_size=1, max_size=4),
            min_size=1,
            max_size=2,
        ),
    ),
    min_size=2,
    max_size=14,
)


@dataclass(kw_only=True)
class Both:
    """PostgreSQL and the model, given the same; a worker believes what it was last told."""

    connection: asyncpg.Connection
    store: Store
    tenant: str
    ledger: Ledger
    now: float = 0
    latest: float = 0
    claims: dict[tuple[int, int], Claim] = field(default_factory=dict)

    async def take(self, step: Step) -> None:
        """Do a step in both, and require one answer."""
        claim = self.claims.get((step.worker, step.partition))
        match step.what:
            case "claim":
                await self._claim(step)
            case "store":
                await self._store(step)
            case "rotate":
                async with self.connection.transaction():
                    log_id = await partitions.rotate_log(
                        self.connection, self.tenant, TOPIC, identity="", reason="a test"
                    )
                self.ledger.rotate()
                self.ledger.log_id = log_id
            case "resume":
                row = self.ledger.rows.get((self.ledger.log_id, step.partition), Row())
                if row.halted:
                    self.ledger.resume(step.partition)
                state = await partitions.resume(
                    self.connection, self.tenant, TOPIC, step.partition, forget_tail=False
                )
                assert row.halted == (state == "halted")
            case "halt" if claim is not None:
                self.ledger.halt(claim.origin)
                await partitions.halt(self.connection, self.tenant, claim.origin, reason="a test")
            case "release" if claim is not None:
                self.ledger.release(claim.origin)
                await partitions.release(self.connection, self.tenant, [claim.origin])
            case "renew" if claim is not None:
                gone = await partitions.renew(self.connection, self.tenant, [claim.origin])
                assert bool(gone) != self.ledger.renew(claim.origin)

    async def _claim(self, step: Step) -> None:
        # In PostgreSQL no time passes: whoever asks says that leases are over, or that they last.
        owner = f"worker-{step.worker}"
        found = await partitions.claim(
            self.connection, self.tenant, TOPIC, self.ledger.log_id, step.partition, owner=owner,
            lease_seconds=0 if step.expired else 3_600,
        )  # fmt: skip
        self.latest += LEASE_SECONDS
        self.now = self.latest if step.expired else 0
        expected = self.ledger.claim(TOPIC, step.partition, owner)
        self.now = 0
        if isinstance(expected, Refusal):
            assert found is expected
            self.claims.pop((step.worker, step.partition), None)
            return
        assert isinstance(found, Claim)
        assert replace(found.origin, topic="") == expected.origin
        assert found.tail_sha256 == expected.tail_sha256
        self.claims[step.worker, step.partition] = found

    async def _store(self, step: Step) -> None:
        held = [
            (partition, self.claims[step.worker, partition])
            for partition in range(2)
            if (step.worker, partition) in self.claims
        ]
        given = list(zip(held, step.said, strict=False))
        if not given:
            return
        stretches = [
            batch_of(claim, [_MESSAGES[each] for each in said]).stretches[0]
            for (_, claim), said in given
        ]
        batch = Batch(tenant=self.tenant, received_at=NOW, stretches=stretches)
        try:
            expected = self.ledger.store(batch)
        except Fenced:
            expected = None
        try:
            stored = await self.store.store(self.connection, batch)
        except Fenced:
            assert expected is None
            for partition, _ in held:
                del self.claims[step.worker, partition]
            return
        assert expected is not None
        assert (stored.duplicates, stored.refused) == (expected.duplicates, expected.refused)
        if step.heard:
            for ((partition, claim), _), stretch in zip(given, stretches, strict=True):
                following = replace(claim, origin=stretch.following)
                self.claims[step.worker, partition] = following

    async def compare(self) -> None:
        """Require that both hold the same."""
        fetch = self.connection.fetch
        rows = await fetch(
            'select log_id, "partition", next_offset, tail_sha256, head_hash, epoch, owner, '
            "state = 'halted' from ingest.partitions where tenant_id = $1",
            self.tenant,
        )
        kept = {
            place: (
                row.next_offset, row.tail_sha256, row.head_hash, row.epoch, row.owner, row.halted
            )
            for place, row in self.ledger.rows.items()
        }  # fmt: skip
        assert {(row[0], row[1]): tuple(row)[2:] for row in rows} == kept
        batches = await fetch(
            'select log_id, "partition", first_offset, next_offset, consumed, inserted, '
            "duplicate, dead, sha256, prev_hash, hash from ingest.batches where tenant_id = $1 "
            "order by 1, 2, 3",
            self.tenant,
        )
        sealed = sorted(
            (each.log_id, each.partition, each.first_offset, each.next_offset, each.consumed,
             each.inserted, each.duplicate, each.dead, each.sha256, each.prev_hash, each.hash)
            for each in self.ledger.batches
        )  # fmt: skip
        assert [tuple(row) for row in batches] == sealed
        keys = await fetch(
            "select source, event_id, payload_sha256 from ingest.event_keys "
            "join ingest.sources using (tenant_id, source_id) "
            "where tenant_id = $1 and payload_sha256 is not null",
            self.tenant,
        )
        assert {(row[0], row[1]): row[2] for row in keys} == self.ledger.keys
        letters = await fetch(
            'select log_id, "partition", "offset", reason from ingest.dead_letters '
            "where tenant_id = $1",
            self.tenant,
        )
        reasons = {tuple(row)[:3]: row[3] for row in letters}
        assert reasons == self.ledger.dead
        counted = await self.connection.fetchrow(
            "select coalesce(sum(n), 0), coalesce(sum(sum), 0) from ingest.daily_statistics "
            "where tenant_id = $1",
            self.tenant,
        )
        assert tuple(counted) == (self.ledger.n, self.ledger.total)


_OPENED: dict[str, tuple[asyncpg.Connection, Store]] = {}


async def _run(address: str, steps: Sequence[Step], *, ledger_type: type[Ledger] = Ledger) -> None:
    if address not in _OPENED:
        _OPENED[address] = await open_store(address)
    connection, store = _OPENED[address]
    tenant = f"m{next(_TENANTS)}"
    log_id, _ = await partitions.open_log(connection, tenant, TOPIC, kind="kafka", identity="")
    ledger = ledger_type(clock=lambda: both.now, log_id=log_id)
    both = Both(connection=connection, store=store, tenant=tenant, ledger=ledger)
    # A worker has something to begin with.
    for partition in range(2):
        await both.take(replace(_CLAIM, partition=partition))
    for step in steps:
        await both.take(step)
    await both.compare()
    ledger.check()


_CLAIM = Step(what="claim", worker=0, partition=0, expired=True, heard=True, said=())


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_STEPS)
async def test_postgresql_and_the_model_do_the_same(
    ingest_database: str, steps: list[Step]
) -> None:
    await _run(ingest_database, steps)


class NoFence(Ledger):
    """Stores whatever comes."""

    def check_fence(self, stretch: Stretch) -> None:
        """Let it pass."""


async def test_a_model_without_the_fence_is_told_from_postgresql(ingest_database: str) -> None:
    unheard = replace(_CLAIM, what="store", heard=False, said=[["m01"]])
    steps = [unheard, unheard]

    await _run(ingest_database, steps)
    with pytest.raises(AssertionError):
        await _run(ingest_database, steps, ledger_type=NoFence)
