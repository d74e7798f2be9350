"""Seal what was recorded: its digest becomes the next entry of the tenant's hash chain.

A digest covers a whole row, who and why included, and a field that is None counts as absent: a
column that is added later changes no digest of before.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.kpis.canonical import Json, sha256_of
from aivalue.kpis.hash_chain import GENESIS, Link, linked
from aivalue.kpis.series import plain
from services.baseline.queries import chain as queries
from services.baseline.queries.baselines import StoredBaseline
from services.baseline.queries.definitions import Stored
from services.baseline.queries.drafts import Review
from services.baseline.queries.gates import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a row is called in the chain, and its digest."""

    kind: str
    subject: str
    digest: str


def seal_of_definition(row: Stored) -> Seal:
    """Seal one version of a definition."""
    subject = f"{row.kind}/{row.key}@{row.version}"
    return Seal(kind="definition", subject=subject, digest=digest_of(row))


def seal_of_baseline(row: StoredBaseline) -> Seal:
    """Seal a frozen baseline; its content is covered by the digest that the row holds."""
    return Seal(kind="baseline", subject=row.baseline_id, digest=digest_of(row))


def seal_of_review(baseline_id: str, row: Review) -> Seal:
    """Seal what one person decided about a draft."""
    subject = f"{baseline_id}/{row.reviewed_by}"
    return Seal(kind="review", subject=subject, digest=digest_of(row))


def seal_of_gate(row: Gate) -> Seal:
    """Seal a gate decision with what it rested on."""
    return Seal(kind="gate", subject=f"{row.initiative}@{row.version}", digest=digest_of(row))


async def seal(
    connection: AsyncConnection, tenant: str, seals: Sequence[Seal], *, now: datetime
) -> str:
    """Append to the tenant's chain and return its last hash.

    Call it last in a transaction: from here to its end nobody else of the tenant can append.
    """
    await queries.lock_chain(connection, tenant)
    last = await queries.last_link(connection, tenant)
    links = chained(last, seals, now=now)
    await queries.add(connection, tenant, links)
    return links[-1].hash if links else GENESIS if last is None else last.hash


def chained(last: Link | None, seals: Sequence[Seal], *, now: datetime) -> list[Link]:
    """Link seals one after the other."""
    links: list[Link] = []
    for each in seals:
        last = linked(
            last, kind=each.kind, subject=each.subject, digest=each.digest, recorded_at=now
        )
        links.append(last)
    return links


def digest_of(row: Stored | StoredBaseline | Review | Gate) -> str:
    """Hash a row."""
    fields = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    return sha256_of({name: _json(cell) for name, cell in fields.items() if cell is not None})


def _json(cell: object) -> Json:
    match cell:
        case datetime():
            # PostgreSQL keeps the instant and not the offset it was written with.
            return cell.astimezone(UTC).isoformat(timespec="microseconds")
        case Decimal() | date():
            return plain(cell)
        case Mapping():
            return {str(name): _json(each) for name, each in cell.items()}
        case list():
            return [_json(each) for each in cell]
        case None | bool() | int() | float() | str():
            return cell
        case _:
            raise TypeError(f"a row holds a {type(cell).__name__}, which JSON has not")
