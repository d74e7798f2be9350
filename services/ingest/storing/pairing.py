"""Bring decisions and outcomes together inside the transaction that brings one of them."""

from collections.abc import Sequence
from datetime import date

from asyncpg import Connection

from services.ingest.batch import Batch
from services.ingest.queries import joining, storing
from services.ingest.storing.staging import decision_rows, outcome_rows

Day = tuple[int, date]


async def pair(connection: Connection, batch: Batch) -> tuple[dict[int, str], list[Day]]:
    """Store both kinds of halves and stage the measurements they complete.

    Returns
    -------
    dead, days :
        Why events cannot be kept, by `seq`; series and days that lost a measurement because a
        correction replaced its decision or outcome.
    """
    decisions, outcomes = decision_rows(batch), outcome_rows(batch)
    if not decisions and not outcomes:
        return {}, []
    tenant, dead, days = batch.tenant, dict[int, str](), list[Day]()
    await joining.stage_decisions(connection, decisions)
    await joining.stage_outcomes(connection, outcomes)
    await joining.analyze(connection)
    await joining.lock_decisions(connection, tenant)
    # What is not staged any more (a duplicate, say) is left out by the joins with `staged`.
    plain, superseding = _split(batch, [int(str(row[0])) for row in decisions])
    lost = await joining.fill_decisions(connection, tenant, plain)
    for seq in superseding:
        days += await joining.clear_superseded_decision(connection, tenant, seq)
        lost += await joining.fill_decisions(connection, tenant, [seq])
    dead |= dict.fromkeys(lost, "decision_exists")
    plain, superseding = _split(batch, [int(str(row[0])) for row in outcomes])
    lost = await joining.insert_outcomes(connection, tenant, plain)
    for seq in superseding:
        days += await joining.clear_superseded_outcome(connection, tenant, seq)
        lost += await joining.insert_outcomes(connection, tenant, [seq])
    dead |= dict.fromkeys(lost, "outcome_exists")
    if dead:
        await storing.forget_keys(connection, tenant, list(dead))
        await storing.unstage(connection, list(dead))
    await joining.stage_joined(connection, tenant)
    return dead, days


def _split(batch: Batch, seqs: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return those that stand for themselves, and those that replace an earlier one."""
    plain = [seq for seq in seqs if batch.events[seq][1].supersedes is None]
    superseding = [seq for seq in seqs if batch.events[seq][1].supersedes is not None]
    return plain, superseding
