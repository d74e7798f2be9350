"""Everything a run computes with, and the digest that names it.

The digest covers content and versions, not where or when they were read: events that arrive twice
move the log on, and must not make another run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

from aivalue.effects.checks.pre_registration import Registration
from aivalue.effects.design import Assignment
from aivalue.kpis.canonical import Json, canonical_bytes, sha256_of
from aivalue.kpis.definition import Design, Initiative, Kpi, Portfolio
from aivalue.kpis.series import Series, plain
from aivalue.money.cost import CostEntry
from aivalue.money.valuation_rule import ValuationRule
from services.attribution.registration import document_of as registration_document

PROGRAMME_TAG = "programme"
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """What the initiative is, as baseline has it.

    Attributes
    ----------
    kpis : in the order of the design
    kpi_versions : KPI -> version
    documents : name -> key, version, digest and body of each definition, for the record
    """

    initiative: Initiative
    portfolio: Portfolio
    design: Design
    kpis: tuple[Kpi, ...]
    kpi_versions: Mapping[str, int]
    documents: Mapping[str, Json]

    @property
    def programme(self) -> str | None:
        """The programme that the initiative names in its tags."""
        return self.initiative.tags.get(PROGRAMME_TAG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A frozen baseline, checked against its digest.

    Attributes
    ----------
    series :
        None where the baseline cannot be used; `problem` says why.
    """

    baseline_id: str
    version: int
    kpi_version: int
    sha256: str
    start: date
    end: date
    reconstructed: bool
    series: Series | None
    problem: str | None = None

    def document(self) -> dict[str, Json]:
        """Write which baseline it is, as explanations show it."""
        return {
            "baseline_id": self.baseline_id,
            "version": self.version,
            "kpi_version": self.kpi_version,
            "sha256": self.sha256,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "reconstructed": self.reconstructed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Another initiative at work on the same KPIs.

    Attributes
    ----------
    design_sha256 :
        Names the version of its design.
    kpis : those that both measure
    baselines : KPI -> its newest frozen baseline or None
        Of the KPIs on which it shares units, directly or by way of others.
    """

    initiative: str
    programme: str | None
    design: Design
    design_sha256: str
    kpis: tuple[str, ...]
    assignments: tuple[Assignment, ...]
    baselines: Mapping[str, Baseline | None]

    def document(self) -> dict[str, Json]:
        """Write which initiative it is, in which state, as the record of a run shows it."""
        return {
            "initiative": self.initiative,
            "programme": self.programme,
            "design_sha256": self.design_sha256,
            "kpis": list(self.kpis),
            "interventions": {
                "sha256": interventions_digest(self.assignments),
                "n": len(self.assignments),
            },
            "baselines": {
                kpi: None if baseline is None else baseline.document()
                for kpi, baseline in sorted(self.baselines.items())
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedBy:
    """A valuation rule in the version that counts."""

    rule: ValuationRule
    version: int
    sha256: str
    body: Mapping[str, Json]

    def document(self) -> dict[str, Json]:
        """Write the rule as the record of a run shows it."""
        return {
            "kind": "valuation_rule",
            "key": self.rule.key,
            "version": self.version,
            "sha256": self.sha256,
            "body": dict(self.body),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One answer of ingest and the position of the log that it stands for."""

    what: str
    snapshot_id: str
    positions: list[dict[str, Json]]

    def document(self) -> dict[str, Json]:
        """Write the read as the run's record shows it."""
        return {"read": self.what, "id": self.snapshot_id, "positions": list(self.positions)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that a run depends on; equal inputs give equal outputs.

    Attributes
    ----------
    series, baselines : KPI -> its series, its newest frozen baseline or None
    libraries : library -> version
        Those that do the arithmetic: another version may differ in the last digit.
    reads :
        Where the data came from; not part of the digest.
    registration :
        The design as it stood before the first day with the AI; None where none was recorded.
    neighbours : in alphabetical order
        Other initiatives at work on units of the KPIs, and those that share units with them.
    """

    definitions: Definitions
    rules: tuple[PricedBy, ...]
    baselines: Mapping[str, Baseline | None]
    series: Mapping[str, Series]
    series_sha256: Mapping[str, str]
    assignments: tuple[Assignment, ...]
    interventions_sha256: str
    costs: tuple[CostEntry, ...]
    costs_sha256: str
    scopes_max: int
    code_version: str
    libraries: Mapping[str, str]
    reads: tuple[Read, ...]
    registration: Registration | None = None
    neighbours: tuple[Neighbour, ...] = ()

    @property
    def snapshot_id(self) -> str | None:
        """The one position all data was read at, or None where the log moved in between."""
        ids = {read.snapshot_id for read in self.reads}
        return ids.pop() if len(ids) == 1 else None

    def document(self) -> dict[str, Json]:
        """Write the inputs in the form whose digest is the run's input hash."""
        baselines: dict[str, Json] = {
            kpi: None if baseline is None else baseline.document()
            for kpi, baseline in self.baselines.items()
        }
        besides: dict[str, Json] = {}
        if self.registration is not None:
            besides["registration"] = registration_document(self.registration)
        if self.neighbours:
            besides["neighbours"] = [each.document() for each in self.neighbours]
        return {
            **self.definitions.documents,
            **besides,
            "valuation_rules": [priced_by.document() for priced_by in self.rules],
            "baselines": baselines,
            "series": {
                kpi: {"sha256": self.series_sha256[kpi], "n_rows": len(series)}
                for kpi, series in self.series.items()
            },
            "interventions": {"sha256": self.interventions_sha256, "n": len(self.assignments)},
            "costs": {"sha256": self.costs_sha256, "n": len(self.costs)},
            "parameters": {"scopes_max": self.scopes_max},
            "code_version": self.code_version,
            "libraries": dict(self.libraries),
        }


def assignments_of(rows: Iterable[Mapping[str, Any]]) -> tuple[Assignment, ...]:
    """Read interventions, in an order that is the same however they arrive.

    A unit counts as treated from the day on which the AI starts there to the end of the day on
    which it ends.
    """
    assignments = (
        Assignment(
            unit=row["unit"],
            arm=row["arm"],
            start=_utc(row["start"]).date(),
            end=None if row["end"] is None else _first_day_without(_utc(row["end"])),
            assignment=row["assignment"],
            randomized_by=row["randomized_by"],
        )
        for row in rows
    )
    return tuple(sorted(assignments, key=lambda each: canonical_bytes(_document(each))))


def interventions_digest(assignments: Iterable[Assignment]) -> str:
    """Digest of the rollout as the estimators see it."""
    return sha256_of([_document(each) for each in assignments])


def costs_of(rows: Iterable[Mapping[str, Any]]) -> tuple[CostEntry, ...]:
    """Read cost entries, in the order of their identity."""
    entries = [CostEntry.model_validate(row) for row in rows]
    return tuple(sorted(entries, key=lambda entry: (entry.source, entry.id)))


def costs_digest(entries: Iterable[CostEntry]) -> str:
    """Digest of cost entries, decimals and instants in one form."""
    return sha256_of(
        [
            {name: _cell(getattr(entry, name)) for name in type(entry).model_fields}
            for entry in entries
        ]
    )


def _document(assignment: Assignment) -> dict[str, Json]:
    return {field.name: _cell(getattr(assignment, field.name)) for field in fields(assignment)}


def _cell(value: object) -> Json:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, (date, Decimal)):
        return plain(value)
    return cast("Json", value)


def _utc(instant: str) -> datetime:
    return datetime.fromisoformat(instant).astimezone(UTC)


def _first_day_without(end: datetime) -> date:
    """Name the first day without AI: an end within a day leaves that day treated."""
    return end.date() if end.time() == time.min else end.date() + _ONE_DAY
