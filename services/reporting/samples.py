"""Snapshot to metric samples; pure. What is unknown has no sample: absent is not zero."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import get_args

from aivalue.effects.effect import Verdict
from aivalue.kpis.definition import Kpi
from aivalue.kpis.plan import BetterWhen
from aivalue.money.cost import CostCategory
from aivalue.reports.evidence import Evidence
from aivalue.reports.summary import InitiativeSummary, KpiSummary
from aivalue.reports.target_progress import TargetProgress
from aivalue.reports.value_report import CostReport, FigureReport, RangeReport
from services.reporting.catalogue import Bound, name_of
from services.reporting.snapshot import Estimate, Reading
from services.reporting.units import level_unit

COST_CATEGORIES: tuple[CostCategory, ...] = get_args(CostCategory)
_SIGNIFICANT: frozenset[Verdict] = frozenset({"confirmed", "negative"})
_DIRECTION: dict[BetterWhen, str] = {
    "higher": "higher_is_better",
    "lower": "lower_is_better",
}
_NONE = "none"
SECONDS_PER_DAY = 86_400
SECONDS_PER_MONTH = 365.2425 / 12 * SECONDS_PER_DAY


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series."""

    name: str
    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """The labels that every sample of an initiative or of a KPI begins with."""

    labels: tuple[str, ...]

    def one(self, stem: str, value: float, *more: str, unit: str = "", bound: Bound = "") -> Sample:
        return Sample(name_of(stem, unit, bound), (*self.labels, *more), float(value))

    def band(
        self, stem: str, unit: str, bounds: tuple[float, float, float], *more: str
    ) -> Iterator[Sample]:
        point, low, high = bounds
        yield self.one(stem, point, *more, unit=unit)
        yield self.one(stem, low, *more, unit=unit, bound="lower")
        yield self.one(stem, high, *more, unit=unit, bound="upper")


def initiative_samples(
    tenant: str, reading: Reading, summary: InitiativeSummary, *, currency: str, portfolio: str
) -> list[Sample]:
    """Return every series of one initiative.

    Parameters
    ----------
    currency :
        Reporting currency of its portfolio.
    portfolio :
        Name of its portfolio.
    """
    initiative = reading.initiative
    series = _Series(labels=(tenant, initiative.key))
    samples = [
        series.one(
            "aivalue_use_case_info",
            1,
            *(initiative.name, portfolio, initiative.owner, initiative.stage, currency),
        ),
        *_money(series, summary),
        *_period(series, summary),
    ]
    if initiative.go_live is not None:
        start = _midnight(initiative.go_live).timestamp()
        samples.append(series.one("aivalue_use_case_go_live_timestamp", start, unit="seconds"))
    levels = [
        each.average.confidence
        for each in (reading.estimate.effects if reading.estimate else ())
        if each.average
    ]
    if levels:
        samples.append(series.one("aivalue_confidence_level", levels[0], unit="ratio"))
    for kpi, said in zip(reading.kpis, summary.kpis, strict=True):
        samples += _kpi_samples(tenant, reading, kpi, said, currency)
    return samples


def _money(series: _Series, summary: InitiativeSummary) -> Iterator[Sample]:
    value = summary.value
    cost = value.cost if value else summary.cost
    if cost is not None:
        yield from _cost(series, cost)
    if value is None:
        return
    unit = value.currency.lower()
    yield from series.band("aivalue_gross_value", unit, _bounds(value.benefit))
    yield series.one("aivalue_risk_adjusted_value", float(value.benefit.risk_adjusted), unit=unit)
    yield series.one("aivalue_lower_bound_value", float(value.benefit.lower_bound), unit=unit)
    yield from series.band("aivalue_net_value", unit, _bounds(value.net))
    yield from _figure(series, "aivalue_roi", value.roi)
    if value.payback_months.value is not None:
        seconds = float(value.payback_months.value) * SECONDS_PER_MONTH
        yield series.one("aivalue_payback", seconds, unit="seconds")


def _cost(series: _Series, cost: CostReport) -> Iterator[Sample]:
    known = {name: float(amount) for name, amount in cost.by_category.items()}
    # Where charges are known, a category without one has cost nothing; without any charge at all
    # nobody knows what it cost.
    for category in COST_CATEGORIES if known else ():
        amount = known.get(category, 0.0)
        yield series.one("aivalue_cost", amount, category, unit=cost.currency.lower())


def _figure(series: _Series, stem: str, figure: FigureReport) -> Iterator[Sample]:
    bounds: tuple[tuple[Bound, object], ...] = (
        ("", figure.value),
        ("lower", figure.low),
        ("upper", figure.high),
    )
    for bound, value in bounds:
        if value is not None:
            yield series.one(stem, float(str(value)), unit="ratio", bound=bound)


def _period(series: _Series, summary: InitiativeSummary) -> Iterator[Sample]:
    months = summary.value.months if summary.value else ()
    if months:
        start = _midnight(months[0].month).timestamp()
        yield series.one("aivalue_reporting_period_start_timestamp", start, unit="seconds")


def _kpi_samples(
    tenant: str, reading: Reading, kpi: Kpi, said: KpiSummary, currency: str
) -> Iterator[Sample]:
    series = _Series(labels=(tenant, reading.initiative.key, kpi.key))
    yield series.one("aivalue_kpi_info", 1, kpi.unit, _DIRECTION[kpi.better_when], kpi.aggregation)
    in_base_unit = level_unit(kpi.unit, aggregation=kpi.aggregation, currency=currency)
    frozen = reading.baseline(kpi.key)
    if frozen is not None:
        instant = frozen.frozen_at.timestamp()
        yield series.one("aivalue_baseline_frozen_timestamp", instant, unit="seconds")
        if in_base_unit is not None:
            unit, factor = in_base_unit
            yield series.one("aivalue_baseline_level", float(frozen.level) * factor, unit=unit)
    estimate = reading.estimate
    evidence = estimate.evidence(kpi.key) if estimate else None
    if estimate is not None and evidence is not None:
        yield from _estimate(series, estimate, evidence)
        yield from _effect(series, evidence)
        if in_base_unit is not None:
            yield from _levels(series, evidence, *in_base_unit)
    if said.targets:
        yield from _target(series, said.targets[-1])
    for scope in estimate.scopes() if estimate else ():
        better = scope.improvement(relative=True)
        if scope.kpi == kpi.key and better is not None:
            yield from series.band("aivalue_scope_effect", "ratio", better, str(scope.scope))


def _estimate(series: _Series, estimate: Estimate, evidence: Evidence) -> Iterator[Sample]:
    yield series.one(
        "aivalue_estimate_info",
        1,
        evidence.estimator or _NONE,
        evidence.estimator_version or _NONE,
        evidence.grade or _NONE,
        evidence.verdict,
    )
    computed = estimate.recorded_at.timestamp()
    yield series.one("aivalue_estimate_computed_timestamp", computed, unit="seconds")
    if evidence.months:
        end = _midnight(evidence.months[-1].end).timestamp()
        yield series.one("aivalue_estimate_window_end_timestamp", end, unit="seconds")


def _effect(series: _Series, evidence: Evidence) -> Iterator[Sample]:
    if evidence.average is None:
        return
    better = evidence.improvement(relative=True)
    if better is not None:
        yield from series.band("aivalue_effect", "ratio", better)
    yield series.one("aivalue_effect_significant", evidence.verdict in _SIGNIFICANT)
    for arm, size in (("treated", evidence.n_treated), ("control", evidence.n_control)):
        if size is not None:
            yield series.one("aivalue_estimate_sample_size", size, arm)


def _levels(series: _Series, evidence: Evidence, unit: str, factor: float) -> Iterator[Sample]:
    if evidence.observed is not None:
        yield series.one("aivalue_kpi_observed", evidence.observed * factor, unit=unit)
    if evidence.observed is not None and evidence.without_ai is not None and evidence.average:
        # What was observed is a fact: the doubt about the effect is all the doubt there is.
        low = min(evidence.observed - evidence.average.high, evidence.without_ai)
        high = max(evidence.observed - evidence.average.low, evidence.without_ai)
        bounds = evidence.without_ai * factor, low * factor, high * factor
        yield from series.band("aivalue_kpi_counterfactual", unit, bounds)


def _target(series: _Series, target: TargetProgress) -> Iterator[Sample]:
    if target.kind == "relative":
        yield series.one("aivalue_target_effect", float(target.amount), unit="ratio")
    if target.progress is not None:
        yield series.one("aivalue_target_progress", target.progress, unit="ratio")
    # In seconds, as the last day of the calendar has no day after it.
    due = _midnight(target.due).timestamp() + SECONDS_PER_DAY
    yield series.one("aivalue_target_due_timestamp", due, unit="seconds")


def _bounds(value: RangeReport) -> tuple[float, float, float]:
    return float(value.point), float(value.low), float(value.high)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
