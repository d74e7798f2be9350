"""What is stale, and who is at it. Times are the database's, so that machines need not agree.

A row is stale where it has more marks than are done. Who computes holds a claim: a lease that a
crash lets expire, and an epoch that keeps a run whose claim was taken over from being stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

CANDIDATES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to store one run of an initiative, for as long as the epoch stays.

    Attributes
    ----------
    marks :
        Marks when the claim was taken; those that arrive later are not done by this run.
    attempts :
        Recomputes that failed since the last one that did not.
    """

    tenant: str
    initiative: str
    epoch: int
    marks: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Why an initiative waits to be recomputed, and what went wrong last."""

    is_stale: bool
    reason: str
    last_error: str | None


class ClaimLost(Exception):
    """Someone else has taken over: what this run computed must not be stored."""


_MARK = text("""
insert into attribution.recompute as known (tenant_id, initiative, marks, reason)
select :tenant, initiative, 1, reason
from unnest(cast(:initiatives as text[]), cast(:reasons as text[])) as new (initiative, reason)
on conflict (tenant_id, initiative) do update set
    marks = known.marks + 1,
    marked_at = clock_timestamp(),
    reason = excluded.reason,
    first_marked_at = case when known.marks > known.done
        then known.first_marked_at else clock_timestamp() end,
    attempts = case when known.marks > known.done then known.attempts else 0 end,
    not_before = case when known.marks > known.done
        then known.not_before else clock_timestamp() end
""")

# Over all tenants, so without locks: each row may live on another machine.
_STALE = text("""
select tenant_id, initiative from attribution.recompute
where marks > done
    and not_before <= clock_timestamp()
    and (claimed_until is null or claimed_until < clock_timestamp())
    and (marked_at <= clock_timestamp() - make_interval(secs => :quiet)
        or first_marked_at <= clock_timestamp() - make_interval(secs => :patience))
order by first_marked_at
limit :candidates
""")

# A row that someone else is just claiming is passed over instead of waited for.
_CLAIM_STALE = text("""
with chosen as (
    select tenant_id, initiative from attribution.recompute
    where tenant_id = :tenant and initiative = :initiative and marks > done
        and (claimed_until is null or claimed_until < clock_timestamp())
    for update skip locked
)
update attribution.recompute as taken
set epoch = epoch + 1, claimed_until = clock_timestamp() + make_interval(secs => :lease)
from chosen
where taken.tenant_id = :tenant and taken.initiative = :initiative
    and taken.tenant_id = chosen.tenant_id and taken.initiative = chosen.initiative
returning taken.tenant_id, taken.initiative, taken.epoch, taken.marks, taken.attempts
""")

_KNOW = text("""
insert into attribution.recompute (tenant_id, initiative, reason)
values (:tenant, :initiative, :reason)
on conflict do nothing
""")

_CLAIM = text("""
update attribution.recompute
set epoch = epoch + 1, claimed_until = clock_timestamp() + make_interval(secs => :lease)
where tenant_id = :tenant and initiative = :initiative
    and (claimed_until is null or claimed_until < clock_timestamp())
returning tenant_id, initiative, epoch, marks, attempts
""")

_EXTEND = text("""
update attribution.recompute
set claimed_until = clock_timestamp() + make_interval(secs => :lease)
where tenant_id = :tenant and initiative = :initiative and epoch = :epoch
returning 1
""")

_COMPLETE = text("""
update attribution.recompute
set done = :marks, claimed_until = null, attempts = 0, last_error = :error,
    first_marked_at = clock_timestamp()
where tenant_id = :tenant and initiative = :initiative and epoch = :epoch
returning 1
""")

_RELEASE = text("""
update attribution.recompute
set claimed_until = null, attempts = attempts + :failures, last_error = :error,
    not_before = clock_timestamp() + make_interval(secs => :pause)
where tenant_id = :tenant and initiative = :initiative and epoch = :epoch
""")

_WAITING = text("""
select initiative, marks > done as is_stale, reason, last_error from attribution.recompute
where tenant_id = :tenant and initiative = any(:initiatives)
""")

_N_STALE = text("select count(*) from attribution.recompute where marks > done")


async def mark(connection: AsyncConnection, tenant: str, reasons: Mapping[str, str]) -> None:
    """Mark initiatives, each with its reason; a change delivered twice marks twice, at no cost."""
    # In one order everywhere, so that two writers cannot wait for each other.
    names = sorted(reasons)
    if names:
        values = {
            "tenant": tenant,
            "initiatives": names,
            "reasons": [reasons[name] for name in names],
        }
        await connection.execute(_MARK, values)


async def claim_stale(
    connection: AsyncConnection, *, quiet: float, patience: float, lease: float
) -> Claim | None:
    """Take the initiative that has been stale longest; all durations in seconds.

    One is left alone until no change came for `quiet`, but no longer than `patience`.
    """
    window = {"quiet": quiet, "patience": patience, "candidates": CANDIDATES}
    for row in (await connection.execute(_STALE, window)).all():
        values = {"tenant": row.tenant_id, "initiative": row.initiative, "lease": lease}
        taken = _claim((await connection.execute(_CLAIM_STALE, values)).one_or_none())
        if taken is not None:
            return taken
    return None


async def claim(
    connection: AsyncConnection, tenant: str, initiative: str, *, lease: float
) -> Claim | None:
    """Take one initiative, stale or not; None while someone else is at it."""
    values = {"tenant": tenant, "initiative": initiative}
    await connection.execute(_KNOW, {**values, "reason": "requested"})
    return _claim((await connection.execute(_CLAIM, {**values, "lease": lease})).one_or_none())


async def extend(connection: AsyncConnection, held: Claim, *, lease: float) -> bool:
    """Keep the claim for another lease; False where it has been taken over."""
    found = await connection.execute(_EXTEND, {**_key(held), "lease": lease})
    return found.one_or_none() is not None


async def complete(connection: AsyncConnection, held: Claim, *, error: str | None = None) -> None:
    """Say that all marks of the claim are done, in the transaction that stores the result.

    Raises
    ------
    ClaimLost
        Someone else has taken over, so the transaction must roll back.
    """
    values = {**_key(held), "marks": held.marks, "error": error}
    if (await connection.execute(_COMPLETE, values)).one_or_none() is None:
        raise ClaimLost(f"run of {held.initiative} was taken over (epoch {held.epoch})")


async def release(
    connection: AsyncConnection, held: Claim, *, error: str | None, pause: float
) -> None:
    """Give the claim back without a result; with an error it counts as a failed attempt."""
    failures = int(error is not None)
    values = {**_key(held), "error": error, "failures": failures, "pause": pause}
    await connection.execute(_RELEASE, values)


async def waiting(
    connection: AsyncConnection, tenant: str, initiatives: Iterable[str]
) -> dict[str, Waiting]:
    """Return the state of initiatives that were ever marked or run."""
    values = {"tenant": tenant, "initiatives": list(initiatives)}
    rows = (await connection.execute(_WAITING, values)).all()
    return {
        row.initiative: Waiting(is_stale=row.is_stale, reason=row.reason, last_error=row.last_error)
        for row in rows
    }


async def n_stale(connection: AsyncConnection) -> int:
    """Count the initiatives that wait to be recomputed."""
    return int((await connection.execute(_N_STALE)).scalar_one())


def _key(held: Claim) -> dict[str, str | int]:
    return {"tenant": held.tenant, "initiative": held.initiative, "epoch": held.epoch}


def _claim(row: Row[tuple[object, ...]] | None) -> Claim | None:
    if row is None:
        return None
    return Claim(
        tenant=row.tenant_id,
        initiative=row.initiative,
        epoch=row.epoch,
        marks=row.marks,
        attempts=row.attempts,
    )
