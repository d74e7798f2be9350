"""From inputs to outputs, without reading or writing anything: estimate, price, write down.

The same inputs give the same bytes, in any process: nothing here reads a clock, a random number or
the order of a set.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from math import fsum, isfinite, isinf
from typing import Literal, cast

from aivalue.effects.checks.pre_registration import pre_registration
from aivalue.effects.document import document_of
from aivalue.effects.effect import Effect
from aivalue.effects.estimate import estimate
from aivalue.effects.overlap import Joint
from aivalue.effects.result import Estimate
from aivalue.effects.segments.parts import document_of_parts
from aivalue.effects.several import read_together, with_check
from aivalue.kpis.canonical import Json, canonical_bytes
from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import COLUMNS, Series
from services.attribution.figures import figures_of
from services.attribution.hybrid import hybrid_of
from services.attribution.inputs import Baseline, Inputs
from services.attribution.joint import (
    Around,
    around,
    joint_document,
    joint_of,
    with_experiments,
)
from services.attribution.price import Value, value_of
from services.attribution.registration import (
    as_declared,
    binding_fields,
    expected_size_of,
    first_day_with_ai,
    planned_subjects_of,
)

_NO_FIGURES: dict[str, Json] = {
    "average": None,
    "total": None,
    "relative": None,
    "observed": None,
    "without_ai": None,
    "months": [],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run says about one KPI.

    Attributes
    ----------
    scope :
        The unit it speaks of; None is all units together.
    joint :
        What the initiatives that share its units brought; None where there are none.
    planned_subjects, expected_size :
        As registered; None where it was not.
    """

    kpi: Kpi
    kpi_version: int
    scope: str | None
    estimate: Estimate
    baseline: Baseline | None
    looks: tuple[date, ...] = ()
    joint: Joint | None = None
    planned_subjects: int | None = None
    expected_size: float | None = None

    def document(self) -> dict[str, Json]:
        """Write the result as it is stored, hashed and, without the vector, served."""
        found = self.estimate
        effect = found.effect
        return {
            "kpi": self.kpi.key,
            "kpi_version": self.kpi_version,
            "scope": self.scope,
            "unit": self.kpi.unit,
            "better_when": self.kpi.better_when,
            "verdict": found.verdict,
            "grade": found.grade,
            "grade_reasons": list(found.grade_reasons),
            "refusal": found.refusal,
            **(_NO_FIGURES if effect is None else figures_of(effect)),
            "hybrid": hybrid_of(
                effect,
                self.looks,
                planned_subjects=self.planned_subjects,
                expected_size=self.expected_size,
            ),
            "joint": joint_document(self.joint),
            "decomposition": (
                None if found.parts is None else cast("Json", document_of_parts(found.parts))
            ),
            **_method(effect),
            "why": None if found.choice is None else found.choice.reason,
            "alternatives": _alternatives(found),
            "baseline": None if self.baseline is None else self.baseline.document(),
            "parameters": dict(found.parameters),
            "checks": [
                {
                    "name": check.name,
                    "status": check.status,
                    "p_value": check.p_value,
                    "detail": check.in_words,
                }
                for check in found.checks
            ],
            "effect": None if effect is None else cast("Json", document_of(effect)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that a run computed; `outputs` are the bytes whose digest is its output hash."""

    results: tuple[Result, ...]
    documents: tuple[dict[str, Json], ...]
    value: Value
    outputs: bytes
    status: Literal["completed", "refused"]

    @property
    def sha256(self) -> str:
        """Digest of the outputs."""
        return hashlib.sha256(self.outputs).hexdigest()


def decide(inputs: Inputs) -> Outcome:
    """Estimate every KPI of the design, price what was found, and write it all down."""
    results = tuple(_results(inputs))
    together = {result.kpi.key: result.estimate for result in results if result.scope is None}
    joints = {result.kpi.key: result.joint for result in results if result.joint is not None}
    value = value_of(inputs, together, joints)
    documents = tuple(result.document() for result in results)
    outputs: Json = {"effects": list(documents), "value": value.document()}
    is_refused = all(result.estimate.effect is None for result in results)
    return Outcome(
        results=results,
        documents=documents,
        value=value,
        outputs=canonical_bytes(outputs),
        status="refused" if is_refused else "completed",
    )


def _results(inputs: Inputs) -> Iterable[Result]:
    kpis = inputs.definitions.kpis
    near = {kpi.key: around(inputs, kpi.key) for kpi in kpis}
    joints = {kpi.key: joint_of(inputs, kpi, near[kpi.key]) for kpi in kpis}
    alone = {kpi.key: _of_all_units(inputs, kpi, near[kpi.key], joints[kpi.key]) for kpi in kpis}
    together = read_together(alone, frozenset(kpi.key for kpi in kpis if kpi.guardrail))
    for kpi in kpis:
        baseline = inputs.baselines[kpi.key]
        for scope in (None, *_scopes(inputs, kpi)):
            estimate = (
                together[kpi.key] if scope is None else _estimate(inputs, kpi, near[kpi.key], scope)
            )
            yield Result(
                kpi=kpi,
                kpi_version=inputs.definitions.kpi_versions[kpi.key],
                scope=scope,
                estimate=_with_registration(inputs, estimate),
                baseline=baseline,
                looks=inputs.definitions.design.looks,
                joint=joints[kpi.key] if scope is None else None,
                planned_subjects=planned_subjects_of(inputs.registration),
                expected_size=expected_size_of(inputs.registration, kpi.key),
            )


def _of_all_units(inputs: Inputs, kpi: Kpi, near: Around, joint: Joint | None) -> Estimate:
    if joint is None:
        estimate = _estimate(inputs, kpi, near, None)
    else:
        estimate = finite(joint.estimates[inputs.definitions.initiative.key])
    return with_experiments(estimate, near)


def _with_registration(inputs: Inputs, estimate: Estimate) -> Estimate:
    first_day = first_day_with_ai(inputs.assignments)
    if first_day is None:
        return estimate
    fields = binding_fields(inputs.definitions.design, code_version=inputs.code_version)
    return with_check(estimate, pre_registration(inputs.registration, fields, first_day=first_day))


def _scopes(inputs: Inputs, kpi: Kpi) -> list[str]:
    """List the units that are an experiment of their own: events were randomized within each."""
    if inputs.definitions.design.randomized_by != "event":
        return []
    units = sorted(set(inputs.series[kpi.key].unit))
    return units if 1 < len(units) <= inputs.scopes_max else []


def _estimate(inputs: Inputs, kpi: Kpi, near: Around, scope: str | None) -> Estimate:
    baseline = inputs.baselines[kpi.key]
    if baseline is not None and baseline.problem is not None:
        return Estimate(verdict="unverifiable", refusal=baseline.problem)
    found = estimate(
        kpi=kpi,
        design=as_declared(inputs.definitions.design, inputs.registration),
        interventions=inputs.assignments,
        series=_of_scope(near.series, scope),
        baseline_series=None if near.baseline is None else _of_scope(near.baseline, scope),
        reconstructed=baseline is not None and baseline.reconstructed,
        units=_units(inputs, scope),
        planned_subjects=planned_subjects_of(inputs.registration),
    )
    return finite(found)


def _units(inputs: Inputs, scope: str | None) -> set[str] | None:
    if scope is not None:
        return {scope}
    named = inputs.definitions.design.units
    return set(named) if named else None


def finite(found: Estimate) -> Estimate:
    """Refuse an effect that is not made of numbers: it could be neither stored nor priced."""
    checks = tuple(
        replace(check, p_value=None)
        if check.p_value is not None and not isfinite(check.p_value)
        else check
        for check in found.checks
    )
    effect = found.effect
    if effect is None:
        return replace(found, checks=checks)
    numbers = chain(effect.point, effect.volume, effect.observed, *effect.covariance)
    if all(map(isfinite, numbers)) and fsum(effect.volume) > 0:
        return replace(found, checks=checks)
    refusal = f"{effect.estimator} found numbers that are not finite, or applies to no volume"
    return Estimate(verdict="unverifiable", refusal=refusal, checks=checks, choice=found.choice)


def _of_scope(series: Series, scope: str | None) -> Series:
    """Return the rows of one unit, which stand together: rows are sorted by unit first."""
    if scope is None:
        return series
    rows = slice(bisect_left(series.unit, scope), bisect_right(series.unit, scope))
    columns = {name: getattr(series, name)[rows] for name in COLUMNS}
    return Series(kpi=series.kpi, **columns)


def _method(effect: Effect | None) -> dict[str, Json]:
    if effect is None:
        names = ("confidence", "n_treated", "n_control", "degrees_of_freedom", "design", "scale")
        return dict.fromkeys((*names, "estimator", "estimator_version"))
    return {
        "confidence": effect.confidence,
        "n_treated": effect.n_treated,
        "n_control": effect.n_control,
        "degrees_of_freedom": (
            None if isinf(effect.degrees_of_freedom) else effect.degrees_of_freedom
        ),
        "design": effect.design,
        "scale": effect.scale,
        "estimator": effect.estimator,
        "estimator_version": effect.estimator_version,
    }


def _alternatives(found: Estimate) -> list[Json]:
    if found.choice is None:
        return []
    return [
        {"estimator": each.estimator, "why_not": each.why_not} for each in found.choice.alternatives
    ]
