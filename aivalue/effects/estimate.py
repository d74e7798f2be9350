"""From definitions, interventions and series to one estimate or one refusal.

Gather, choose, estimate, doubt, grade: a pure function, so the same inputs give the same bytes.
A refusal is an answer too, with its reason and verdict; no figure is ever returned in its place.
"""

from collections.abc import Collection, Sequence
from typing import cast

from aivalue.effects.choose import Choice, choose
from aivalue.effects.design import Assignment
from aivalue.effects.effect import Effect, Interval, Verdict
from aivalue.effects.functional import average, relative, total, verdict_of
from aivalue.effects.grade import grade_of
from aivalue.effects.material import Material, facts_of, gather
from aivalue.effects.read import Reading, read
from aivalue.effects.result import Estimate
from aivalue.errors import NotEstimable
from aivalue.kpis.definition import Design, Kpi
from aivalue.kpis.series import Series


def estimate(
    *,
    kpi: Kpi,
    design: Design,
    interventions: Sequence[Assignment],
    series: Series,
    baseline_series: Series | None = None,
    reconstructed: bool = False,
    units: Collection[str] | None = None,
) -> Estimate:
    """Estimate one KPI's effect, or say why it cannot be estimated.

    Parameters
    ----------
    baseline_series
        Rows of the frozen baseline; they replace the series' rows in `design.baseline`. None
        where nothing was frozen: then a design that needs a baseline is graded C at best.
    reconstructed
        The baseline was frozen after go-live.
    units
        Estimate on these units alone, e.g. one campaign; None is all of them.
    """
    choice: Choice | None = None
    try:
        material = gather(
            kpi=kpi,
            design=design,
            interventions=interventions,
            series=series,
            baseline_series=baseline_series,
            units=None if units is None else frozenset(units),
        )
        choice = choose(facts_of(material, design))
        reading = read(material, design=design, choice=choice)
    except NotEstimable as refusal:
        return Estimate(
            verdict=cast("Verdict", refusal.verdict), refusal=str(refusal), choice=choice
        )
    return _graded(
        reading,
        kpi=kpi,
        choice=choice,
        material=material,
        reconstructed=reconstructed or baseline_series is None,
    )


def _graded(
    reading: Reading, *, kpi: Kpi, choice: Choice, material: Material, reconstructed: bool
) -> Estimate:
    graded = grade_of(
        design=reading.effect.design,
        estimator=choice.estimator,
        checks=reading.checks,
        reconstructed=reconstructed,
    )
    figure = average(reading.effect)
    return Estimate(
        effect=reading.effect,
        verdict=verdict_of(figure, kpi.better_when),
        grade=graded.grade,
        grade_reasons=graded.reasons,
        checks=reading.checks,
        choice=choice,
        average=figure,
        total=total(reading.effect),
        relative=_relative_or_none(reading.effect),
        parameters=(
            *reading.parameters,
            ("measured_start", material.measured.start.isoformat()),
            ("measured_end", material.measured.end.isoformat()),
        ),
    )


def _relative_or_none(effect: Effect) -> Interval | None:
    try:
        return relative(effect)
    except NotEstimable:
        return None
