"""Verify what is stored: every row against its seal, the chain against itself, bytes to figures."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aivalue.baselines.verify import Recorded, faults_of
from aivalue.kpis.canonical import sha256_of
from aivalue.kpis.definition import Kpi
from aivalue.kpis.hash_chain import Link, chain_faults
from services.baseline.queries import baselines as baseline_queries
from services.baseline.queries import chain as chain_queries
from services.baseline.queries import definitions as definition_queries
from services.baseline.queries import drafts as draft_queries
from services.baseline.queries import gates as gate_queries
from services.baseline.queries.baselines import StoredBaseline
from services.baseline.queries.definitions import Stored
from services.baseline.queries.gates import Gate
from services.baseline.sealing import (
    Seal,
    seal_of_baseline,
    seal_of_definition,
    seal_of_gate,
    seal_of_review,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One row that is not what was stored; `row` names it."""

    row: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How much was checked, where the chain ends, and what is wrong."""

    n_baselines: int
    n_definitions: int
    n_reviews: int
    n_gates: int
    head: Link | None
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Everything:
    """All a tenant has but the measurements, as of one moment."""

    definitions: Sequence[Stored]
    baselines: Sequence[StoredBaseline]
    reviews: Sequence[tuple[str, draft_queries.Review]]
    gates: Sequence[Gate]
    links: Sequence[Link]


async def verify(engine: AsyncEngine, tenant: str, *, known_hash: str | None) -> Verification:
    """Re-derive everything; a hash that was announced once must still stand in the chain."""
    everything = await _read(engine, tenant)
    faults = [*_chain(everything.links, known_hash), *_sealed(everything)]
    for each in everything.definitions:
        if sha256_of(each.body) != each.sha256:
            row = f"{each.kind} {each.key} v{each.version}"
            faults.append(Fault(row=row, fault="the body does not hash to its digest"))
    kpis = {(each.key, each.version): each for each in everything.definitions if each.kind == "kpi"}
    for baseline in everything.baselines:
        kpi = kpis.get((baseline.kpi, baseline.kpi_version))
        async with engine.connect() as connection:
            content = await baseline_queries.content_of(connection, tenant, baseline.baseline_id)
        # Hashing years of a thousand units is seconds of work: off the event loop.
        found = await asyncio.to_thread(_figures, baseline, content, kpi)
        faults += [Fault(row=f"baseline {baseline.baseline_id}", fault=each) for each in found]
    return Verification(
        n_baselines=len(everything.baselines),
        n_definitions=len(everything.definitions),
        n_reviews=len(everything.reviews),
        n_gates=len(everything.gates),
        head=everything.links[-1] if everything.links else None,
        faults=tuple(faults),
    )


async def _read(engine: AsyncEngine, tenant: str) -> _Everything:
    async with engine.connect() as connection:
        # One snapshot: what is appended meanwhile is in none of the lists.
        await chain_queries.read_one_snapshot(connection)
        return _Everything(
            definitions=await definition_queries.every_version(connection, tenant),
            baselines=await _baselines(connection, tenant),
            reviews=await draft_queries.every_review(connection, tenant),
            gates=await gate_queries.every_gate(connection, tenant),
            links=await chain_queries.links(connection, tenant),
        )


async def _baselines(connection: AsyncConnection, tenant: str) -> list[StoredBaseline]:
    found = await baseline_queries.listed(connection, tenant, initiative=None, kpi=None, limit=None)
    return [each for each, _ in found]


def _chain(links: Sequence[Link], known_hash: str | None) -> Iterator[Fault]:
    for position, fault in chain_faults(links):
        yield Fault(row=f"chain entry {position}", fault=fault)
    if known_hash is not None and all(each.hash != known_hash for each in links):
        yield Fault(
            row="chain",
            fault=f"holds no {known_hash}: it was cut or written anew since that was announced",
        )


def _sealed(everything: _Everything) -> Iterator[Fault]:
    stored = {(seal.kind, seal.subject): seal.digest for seal in _seals(everything)}
    sealed = {(each.kind, each.subject): each.digest for each in everything.links}
    for kind, subject in sorted(stored.keys() | sealed.keys()):
        row = f"{kind} {subject}"
        if (kind, subject) not in stored:
            yield Fault(row=row, fault="was recorded, and is gone")
        elif (kind, subject) not in sealed:
            yield Fault(row=row, fault="is not in the chain: it was put in past the service")
        elif stored[kind, subject] != sealed[kind, subject]:
            yield Fault(row=row, fault="is not what was recorded: its digest is another")


def _seals(everything: _Everything) -> Iterator[Seal]:
    yield from map(seal_of_definition, everything.definitions)
    yield from map(seal_of_baseline, everything.baselines)
    for baseline_id, review in everything.reviews:
        yield seal_of_review(baseline_id, review)
    yield from map(seal_of_gate, everything.gates)


def _figures(baseline: StoredBaseline, content: bytes | None, kpi: Stored | None) -> list[str]:
    if content is None:
        return ["its content is gone"]
    if kpi is None:
        return [f"its KPI {baseline.kpi} v{baseline.kpi_version} is gone"]
    recorded = Recorded(
        initiative=baseline.initiative,
        kpi=Kpi.model_validate(kpi.body),
        kpi_version=baseline.kpi_version,
        kpi_sha256=kpi.sha256,
        start=baseline.start_day,
        end=baseline.end_day,
        units=tuple(baseline.units),
        exclusions=tuple(each for each in baseline.exclusions if isinstance(each, dict)),
        sha256=baseline.sha256,
        merkle_root=baseline.merkle_root,
        level=baseline.level,
        levels=baseline.levels,
        n=baseline.n,
        observed_unit_days=int(str(baseline.coverage["observed_unit_days"])),
        expected_unit_days=int(str(baseline.coverage["expected_unit_days"])),
    )
    return faults_of(content, recorded)
