"""Bring decisions and outcomes together inside the transaction that brings one of them."""

from asyncpg import Connection

from services.ingest.batch import Batch
from services.ingest.queries import joining, storing
from services.ingest.storing.staging import decision_rows, outcome_rows


async def pair(connection: Connection, batch: Batch) -> tuple[dict[int, str], set[str]]:
    """Store both kinds of halves and stage the measurements they complete.

    Returns
    -------
    refused, entangled :
        Why events cannot be kept, by `seq`; decisions of which the same half is stated several
        times, whose measurements are to be settled once it is known which statement holds.
    """
    decisions, outcomes = decision_rows(batch), outcome_rows(batch)
    if not decisions and not outcomes:
        return {}, set()
    tenant = batch.tenant
    await joining.stage_decisions(connection, decisions)
    await joining.stage_outcomes(connection, outcomes)
    await joining.lock_staged(connection, tenant)
    refused = dict.fromkeys(await joining.insert_decisions(connection, tenant), "decision_exists")
    refused |= dict.fromkeys(await joining.insert_outcomes(connection, tenant), "outcome_exists")
    if refused:
        await storing.forget_keys(connection, tenant, list(refused))
        await storing.unstage(connection, list(refused))
    entangled = await joining.entangled(connection, tenant)
    await joining.stage_joined(connection, tenant, but=entangled)
    return refused, set(entangled)
