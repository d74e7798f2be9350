"""From definitions, interventions and series to one estimate or one refusal.

Gather, choose, estimate, doubt, grade: a pure function, so the same inputs give the same bytes.
A refusal is an answer too, with its reason and verdict; no figure is ever returned in its place.
"""

from collections.abc import Collection, Sequence
from typing import cast

from aivalue.effects.arms.power import minimum_detectable
from aivalue.effects.choose import Choice, choose
from aivalue.effects.design import Assignment
from aivalue.effects.effect import Effect, Period, Verdict
from aivalue.effects.functional import average, relative, total, verdict_of
from aivalue.effects.grade import grade_of
from aivalue.effects.material import facts_of, gather
from aivalue.effects.readings.read import read
from aivalue.effects.readings.reading import Reading
from aivalue.effects.result import Estimate
from aivalue.effects.sequential.monitoring import monitored
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval
from aivalue.kpis.plan import BetterWhen, MeasuredKpi, Plan
from aivalue.kpis.series import Series


def estimate(
    *,
    kpi: MeasuredKpi,
    design: Plan,
    interventions: Sequence[Assignment],
    series: Series,
    baseline_series: Series | None = None,
    reconstructed: bool = False,
    units: Collection[str] | None = None,
    planned_subjects: int | None = None,
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
    planned_subjects
        As registered before the first day with the AI; None where it was not.
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
        choice = choose(
            facts_of(material, design), wanted=design.estimator, approver=design.approver
        )
        reading = read(material, design=design, choice=choice, better_when=kpi.better_when)
    except NotEstimable as refusal:
        return Estimate(
            verdict=cast("Verdict", refusal.verdict), refusal=str(refusal), choice=choice
        )
    return estimated(
        reading,
        choice=choice,
        measured=material.measured,
        better_when=kpi.better_when,
        reconstructed=reconstructed or baseline_series is None,
        planned_subjects=planned_subjects,
    )


def estimated(
    reading: Reading,
    *,
    choice: Choice,
    measured: Period,
    better_when: BetterWhen,
    reconstructed: bool,
    planned_subjects: int | None = None,
) -> Estimate:
    """Doubt, grade and read what an estimator found."""
    effect, checks = reading.effect, reading.doubts()
    graded = grade_of(
        design=effect.design,
        estimator=effect.estimator,
        checks=checks,
        reconstructed=reconstructed,
    )
    return Estimate(
        effect=effect,
        verdict=verdict_of(average(effect), better_when),
        grade=graded.grade,
        grade_reasons=graded.reasons,
        checks=checks,
        choice=choice,
        average=average(effect),
        total=total(effect),
        relative=_relative_or_none(effect),
        parameters=(
            *reading.parameters,
            *_readings(effect, planned_subjects),
            *_window(measured),
        ),
        parts=reading.parts,
    )


def _readings(effect: Effect, planned_subjects: int | None) -> tuple[tuple[str, str], ...]:
    """Return what a null result could have seen, and the interval that may be watched daily."""
    figure = average(effect)
    detectable = minimum_detectable(
        figure.standard_error,
        degrees_of_freedom=effect.degrees_of_freedom,
        confidence=figure.confidence,
    )
    found = [("minimum_detectable", f"{detectable:.6g}")]
    if effect.design == "randomized":
        anytime = monitored(effect, n_planned=planned_subjects).anytime
        found += [("anytime_low", f"{anytime.low:.6g}"), ("anytime_high", f"{anytime.high:.6g}")]
    return tuple(found)


def _window(measured: Period) -> tuple[tuple[str, str], ...]:
    return (
        ("measured_start", measured.start.isoformat()),
        ("measured_end", measured.end.isoformat()),
    )


def _relative_or_none(effect: Effect) -> Interval | None:
    try:
        return relative(effect)
    except NotEstimable:
        return None
