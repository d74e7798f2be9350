"""What was produced, kept outside the system, against what the system says it counted.

After Jepsen's checkers for queues: lost, doubled, phantom, contiguous, conserved, chained, summed.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

import asyncpg

from services.ingest.queries.partitions import GENESIS
from tests.stored import stored_ids

BATCHES = (
    'select log_id, "partition", first_offset, next_offset, consumed, inserted, duplicate, dead, '
    'sha256, prev_hash, hash from ingest.batches order by log_id, "partition", first_offset'
)
STATISTICS = "select coalesce(sum(n), 0), coalesce(sum(sum), 0) from ingest.daily_statistics"
POSITIONS = 'select log_id, "partition", next_offset, head_hash from ingest.partitions'
READ = (
    "select coalesce(sum(p.next_offset), 0) from ingest.partitions p "
    "join ingest.logs l using (tenant_id, log_id) where l.closed_at is null and l.kind = 'kafka'"
)


@dataclass(kw_only=True)
class Journal:
    """What the broker acknowledged: values by id, and how many records are no events."""

    values: dict[str, Decimal] = field(default_factory=dict)
    n_records: int = 0
    n_junk: int = 0
    n_conflicts: int = 0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How many events went wrong in which way; all zero is right."""

    lost: int
    doubled: int
    phantom: int
    broken: list[str]

    @property
    def right(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.lost or self.doubled or self.phantom or self.broken)


async def verdict(connection: asyncpg.Connection, journal: Journal) -> Verdict:
    """Account for every event."""
    stored = Counter(await stored_ids(connection))
    n, total = await connection.fetchrow(STATISTICS)
    broken = await _broken(connection)
    n_stored = sum(stored.values())
    if n != n_stored:
        broken.append(f"{n} are counted of {n_stored} stored")
    expected = sum(journal.values.values(), Decimal(0))
    if stored.keys() == journal.values.keys() and total != expected:
        broken.append(f"the sum is {total}, not {expected}")
    n_dead = await connection.fetchval("select count(*) from ingest.dead_letters")
    if n_dead != journal.n_junk + journal.n_conflicts:
        broken.append(f"{n_dead} dead letters, not {journal.n_junk + journal.n_conflicts}")
    return Verdict(
        lost=len(journal.values.keys() - stored.keys()),
        doubled=n_stored - len(stored),
        phantom=len(stored.keys() - journal.values.keys()),
        broken=broken,
    )


async def _broken(connection: asyncpg.Connection) -> list[str]:
    """Follow the chain of batches from the first offset to the last."""
    broken: list[str] = []
    ends: dict[tuple[int, int], tuple[int, bytes]] = {}
    for row in await connection.fetch(BATCHES):
        place = row["log_id"], row["partition"]
        end, head = ends.get(place, (0, GENESIS))
        if row["first_offset"] != end:
            broken.append(f"{place}: {row['first_offset']} follows {end}")
        if row["consumed"] != row["inserted"] + row["duplicate"] + row["dead"]:
            broken.append(f"{place}: {row['first_offset']} does not add up")
        said = f"{place[0]}/{place[1]}/{row['first_offset']}/{row['next_offset']}"
        linked = hashlib.sha256(row["prev_hash"] + row["sha256"] + said.encode()).digest()
        if row["prev_hash"] != head or linked != row["hash"]:
            broken.append(f"{place}: the chain breaks at {row['first_offset']}")
        ends[place] = row["next_offset"], row["hash"]
    for row in await connection.fetch(POSITIONS):
        place = row["log_id"], row["partition"]
        if ends.get(place, (0, GENESIS)) != (row["next_offset"], row["head_hash"]):
            broken.append(
                f"{place}: stands at {row['next_offset']}, its batches at {ends.get(place)}"
            )
    return broken
