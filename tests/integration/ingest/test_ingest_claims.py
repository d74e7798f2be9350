"""Whether PostgreSQL gives a partition to one worker at a time, and takes it from who is silent."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.ingest.batch import Stretch
from services.ingest.queries import partitions
from services.ingest.queries.evicting import evict
from services.ingest.queries.partitions import Claim, Fenced, Refusal
from tests.integration.ingest.material import TENANT, TOPIC, batch_of, measured

LEASE_SECONDS = 3.0
COPYING = "select count(*) > 0 from pg_stat_progress_copy where datname = current_database()"


async def _claim(
    connection: asyncpg.Connection, owner: str, *, partition: int = 0
) -> Claim | Refusal:
    log_id, _ = await partitions.open_log(connection, TENANT, TOPIC, kind="kafka", identity="")
    return await partitions.claim(
        connection, TENANT, TOPIC, log_id, partition, owner=owner, lease_seconds=LEASE_SECONDS
    )


async def _granted(connection: asyncpg.Connection, owner: str) -> Claim:
    claim = await _claim(connection, owner)
    assert isinstance(claim, Claim)
    return claim


async def _let_the_lease_end(connection: asyncpg.Connection) -> None:
    # In place of waiting: the row says that nobody has been heard of for long.
    await connection.execute(
        "update ingest.partitions set renewed_at = renewed_at - interval '1 hour'"
    )


def _stretch(claim: Claim, n: int = 1) -> Stretch:
    return batch_of(claim, [measured(f"e{i}", "1") for i in range(n)]).stretches[0]


async def test_a_partition_that_is_worked_on_is_left_alone(
    connection: asyncpg.Connection,
) -> None:
    claim = await _granted(connection, "a")
    assert await _claim(connection, "b") is Refusal.HELD

    await _let_the_lease_end(connection)
    await partitions.advance(connection, TENANT, [_stretch(claim)])

    # Storing renewed it.
    assert await _claim(connection, "b") is Refusal.HELD
    assert await _claim(connection, "b", partition=1) is not Refusal.HELD


async def test_the_owner_may_claim_again_at_once(connection: asyncpg.Connection) -> None:
    first = await _granted(connection, "a")
    second = await _granted(connection, "a")

    assert second.origin.epoch == first.origin.epoch + 1


async def test_what_is_given_up_is_free_at_once(connection: asyncpg.Connection) -> None:
    claim = await _granted(connection, "a")
    await partitions.release(connection, TENANT, [claim.origin])

    assert (await _granted(connection, "b")).origin.epoch == claim.origin.epoch + 1
    # Who was superseded gives up nothing that is another's.
    await partitions.release(connection, TENANT, [claim.origin])
    assert await _claim(connection, "a") is Refusal.HELD


async def test_a_zombie_is_superseded_once_its_lease_is_over(
    connection: asyncpg.Connection,
) -> None:
    zombie = await _granted(connection, "zombie")
    await _let_the_lease_end(connection)
    heir = await _granted(connection, "heir")
    await partitions.advance(connection, TENANT, [_stretch(heir, 2)])

    with pytest.raises(Fenced):
        await partitions.advance(connection, TENANT, [_stretch(zombie, 2)])
    with pytest.raises(Fenced):
        await partitions.advance(connection, TENANT, [_stretch(zombie, 5)])
    # What it believes to have seen stops nobody either.
    await partitions.halt(connection, TENANT, zombie.origin, reason="imagined")
    assert await connection.fetchval("select state from ingest.partitions") == "active"
    assert await connection.fetchval("select next_offset from ingest.partitions") == 2


async def test_the_right_epoch_at_the_wrong_position_is_fenced(
    connection: asyncpg.Connection,
) -> None:
    claim = await _granted(connection, "a")
    await partitions.advance(connection, TENANT, [_stretch(claim, 3)])

    # The same batch once more: after an unknown outcome, retried blindly.
    with pytest.raises(Fenced):
        await partitions.advance(connection, TENANT, [_stretch(claim, 3)])


async def test_a_halted_partition_is_nobodys(connection: asyncpg.Connection) -> None:
    claim = await _granted(connection, "a")
    await partitions.halt(connection, TENANT, claim.origin, reason="gap")

    assert await _claim(connection, "a") is Refusal.HALTED
    with pytest.raises(Fenced):
        await partitions.advance(connection, TENANT, [_stretch(claim)])


async def test_a_batch_that_does_not_add_up_cannot_be_recorded(
    connection: asyncpg.Connection,
) -> None:
    claim = await _granted(connection, "a")
    stretch = _stretch(claim, 3)
    row = (
        claim.origin.log_id, 0, 0, 3, claim.origin.epoch, 3, 2, 0, 0,
        stretch.sha256, claim.origin.head_hash, stretch.hash, b"",
    )  # fmt: skip

    with pytest.raises(asyncpg.CheckViolationError, match="batches_conserve"):
        await partitions.record_batches(connection, TENANT, [row])
    good = (*row[:6], 3, 0, 0, *row[9:])
    await partitions.record_batches(connection, TENANT, [good])
    overlapping = (*good[:2], 2, 5, *good[4:])
    with pytest.raises(asyncpg.ExclusionViolationError, match="batches_never_overlap"):
        await partitions.record_batches(connection, TENANT, [overlapping])


@pytest.mark.parametrize("stuck", ["idle", "in COPY", "between PREPARE and EXECUTE"])
async def test_who_is_stuck_in_a_transaction_is_put_out_of_it(
    ingest_database: str, connection: asyncpg.Connection, stuck: str
) -> None:
    """A paused worker's locks are its heir's to break: PostgreSQL would wait for its next word."""
    zombie = await asyncpg.connect(ingest_database)
    claim = await _granted(connection, "zombie")
    await _let_the_lease_end(connection)
    transaction = zombie.transaction()
    await transaction.start()
    await partitions.advance(zombie, TENANT, [_stretch(claim)])
    log_id = claim.origin.log_id
    if stuck == "between PREPARE and EXECUTE":
        await zombie.prepare("select 1")
    silent = asyncio.ensure_future(
        _copy_nothing(zombie) if stuck == "in COPY" else asyncio.sleep(0)
    )
    while stuck == "in COPY" and not await connection.fetchval(COPYING):  # noqa: ASYNC110
        await asyncio.sleep(0.01)

    # Its row is locked, and nobody waits for it.
    assert await _claim(connection, "heir") is Refusal.HELD
    assert await evict(connection, TENANT, log_id, 0, silent_seconds=60) == 0
    assert await evict(connection, TENANT, log_id, 0, silent_seconds=0) == 1
    heir: Claim | Refusal = Refusal.HELD
    while heir is Refusal.HELD:
        heir = await _claim(connection, "heir")

    assert isinstance(heir, Claim)
    assert heir.origin.next_offset == 0
    silent.cancel()
    await asyncio.gather(silent, return_exceptions=True)
    zombie.terminate()


async def _copy_nothing(connection: asyncpg.Connection) -> None:
    async def rows() -> AsyncIterator[bytes]:
        await asyncio.sleep(3_600)
        yield b""

    await connection.execute("create temp table t (i int)")
    await connection.copy_to_table("t", source=rows())
