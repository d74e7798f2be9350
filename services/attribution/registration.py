"""The design as it was recorded before there was anything to see: the pre-registration."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import orjson

from aivalue.effects.checks.pre_registration import Registration
from aivalue.effects.design import Assignment
from aivalue.kpis.canonical import Json, canonical_bytes
from aivalue.kpis.definition import Design

# What decides the figure: KPI, units, windows, how it is read, and when.
BINDING = (
    "kpis",
    "assignment",
    "randomized_by",
    "scale",
    "baseline",
    "exclusions",
    "measured",
    "confidence",
    "events_min",
    "units",
    "estimator",
    "estimator_version",
    "looks",
    "planned_subjects",
    "expected_sizes",
    "steady_by",
)


def first_day_with_ai(assignments: Iterable[Assignment]) -> date | None:
    """Return the first day on which any unit has the AI; None where none has."""
    return min((each.start for each in assignments if each.arm == "treatment"), default=None)


def registered(
    versions: Sequence[Mapping[str, Any]], first_day: date | None
) -> Registration | None:
    """Return the last version recorded before the first day with the AI; None where there is none.

    `versions` are those of the design, newest first, as baseline answers with them.
    """
    if first_day is None:
        return None
    for version in versions:
        recorded_at = datetime.fromisoformat(version["recorded_at"])
        if recorded_at.date() < first_day:
            return Registration(
                version=version["version"],
                sha256=version["sha256"],
                recorded_at=recorded_at,
                fields=binding_fields(Design.model_validate(version["body"])),
            )
    return None


def planned_subjects_of(registration: Registration | None) -> int | None:
    """Return the size that was registered; one stated later may follow from the data."""
    if registration is None:
        return None
    planned: int | None = orjson.loads(registration.fields["planned_subjects"])
    return planned


def expected_size_of(registration: Registration | None, kpi: str) -> float | None:
    """Return the size of effects on a KPI that was expected before there was one to see."""
    if registration is None:
        return None
    sizes: dict[str, float] = orjson.loads(registration.fields["expected_sizes"])
    return sizes.get(kpi)


def as_declared(design: Design, registration: Registration | None) -> Design:
    """Return the design with who answered for a steady level before the first day with the AI."""
    declared = None if registration is None else orjson.loads(registration.fields["steady_by"])
    return design.model_copy(update={"steady_by": declared})


def binding_fields(design: Design, *, code_version: str | None = None) -> dict[str, str]:
    """Return what binds, as text; a version that is asked for is compared to the one that runs."""
    body = design.model_dump(mode="json", include=set(BINDING))
    if code_version is not None and design.estimator_version is not None:
        body["estimator_version"] = code_version
    return {name: canonical_bytes(body[name]).decode() for name in BINDING}


def document_of(registration: Registration) -> dict[str, Json]:
    """Write the registration as a run's record shows it."""
    return {
        "version": registration.version,
        "sha256": registration.sha256,
        "recorded_at": registration.recorded_at.isoformat(),
    }
