"""Readiness: everything worth knowing about a history before it is frozen."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

from aivalue.baselines.level import level_parts
from aivalue.baselines.readiness.balance import balance_item
from aivalue.baselines.readiness.cadence import cadence_items
from aivalue.baselines.readiness.item import Item, Status, worst
from aivalue.baselines.readiness.outliers import copies_item, outlier_item
from aivalue.baselines.readiness.power import Plan, Power, power_item, power_of, power_of_events
from aivalue.baselines.readiness.regression import regression_item
from aivalue.baselines.readiness.repeats import repeats_item
from aivalue.baselines.readiness.season import season_item
from aivalue.baselines.readiness.shifts import WEEKS_MIN as SHIFT_WEEKS_MIN
from aivalue.baselines.readiness.shifts import shift_items
from aivalue.baselines.readiness.stationarity import stationarity_item
from aivalue.baselines.readiness.weekly import WEEK_DAYS, weeks_of
from aivalue.baselines.window import Scope, excluded_days
from aivalue.errors import NotFreezable
from aivalue.kpis.definition import Kpi, Target
from aivalue.kpis.series import Series

WEEKS_MIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """All findings; `status` is the worst of them."""

    status: Status
    items: tuple[Item, ...]
    power: Power | None


def assess(
    series: Series,
    *,
    kpi: Kpi,
    scope: Scope,
    plan: Plan,
    pilots: Sequence[str] = (),
    by_event: bool = False,
) -> Assessment:
    """Look at a history from every side.

    Parameters
    ----------
    series :
        Rows of the scope only, as a freeze would keep them.
    pilots :
        Units that get the AI first, where they are chosen already.
    by_event :
        Whether events are randomized rather than units.

    Raises
    ------
    NotFreezable
        Nothing measured, or less than two weeks.
    """
    weeks = weeks_of(series, kpi=kpi, window=scope.window) if len(series) else None
    if weeks is None or weeks.n_weeks < WEEKS_MIN or not weeks.bottom.sum():
        raise NotFreezable(
            f"readiness needs {WEEKS_MIN} weeks of measurements of KPI {kpi.key}, got "
            f"{len(series)} rows from {scope.window.start} until before {scope.window.end}"
        )
    excluded = excluded_days(scope.exclusions, scope.window)
    items = [
        *cadence_items(series, window=scope.window, excluded=excluded),
        copies_item(weeks),
        repeats_item(series, kpi),
        outlier_item(weeks),
        season_item(scope.window),
        *shift_items(weeks),
        *([stationarity_item(weeks)] if weeks.n_weeks >= SHIFT_WEEKS_MIN else []),
        balance_item(weeks),
    ]
    if (regression := regression_item(weeks, pilots)) is not None:
        items.append(regression)
    power: Power | None = None
    try:
        power = _of_events(series, kpi, plan, weeks.n_weeks) if by_event else power_of(weeks, plan)
        items.append(power_item(power, plan))
    except NotFreezable as error:
        items.append(
            Item(name="power", status="warn", number=None, needed="a level", detail=str(error))
        )
    return Assessment(
        status=worst([each.status for each in items]), items=tuple(items), power=power
    )


def target_share(target: Target, *, kpi: Kpi, level: Decimal) -> float | None:
    """Return what a target promises as a share of the level; None where the level is 0."""
    if target.kind == "relative":
        return float(target.amount)
    if not level:
        return None
    points = target.kind == "percentage_points" and kpi.unit == "share"
    amount = target.amount / 100 if points else target.amount
    return float(abs(amount / level))


def _of_events(series: Series, kpi: Kpi, plan: Plan, n_weeks: int) -> Power:
    n, mean, deviation = _per_event(series, kpi)
    whole = n_weeks * WEEK_DAYS / max((max(series.day) - min(series.day)).days + 1, 1)
    return power_of_events(
        mean=mean, deviation=deviation, events_per_week=n * whole / n_weeks, plan=plan
    )


def _per_event(series: Series, kpi: Kpi) -> tuple[int, float, float]:
    """Return the number of events, their mean level and deviation."""
    n = sum(series.n)
    if kpi.aggregation == "mean":
        mean = sum(series.sum, Decimal(0)) / n
        # In decimal: a small spread around a large mean is lost in floats.
        variance = sum(series.sum_squares, Decimal(0)) / n - mean**2
        return n, float(mean), math.sqrt(max(variance, Decimal(0)))
    if kpi.aggregation in {"ratio", "rate"}:
        y, x = float(sum(series.numerator)), float(sum(series.denominator))
        yy, xx = float(sum(series.numerator_squares)), float(sum(series.denominator_squares))
        ratio = y / x
        # Delta method: deviation of (numerator - ratio x denominator), per mean denominator.
        spread = yy - 2 * ratio * float(sum(series.cross_product)) + ratio**2 * xx
        return n, ratio, math.sqrt(max(spread / n, 0.0)) / (x / n)
    # Totals per unit-day: the unit-day is what varies, whatever it was measured by.
    totals: defaultdict[tuple[str, str, date], float] = defaultdict(float)
    tops, _ = level_parts(series, kpi)
    for unit, arm, day, top in zip(series.unit, series.arm, series.day, tops, strict=True):
        totals[unit, arm, day] += float(top)
    values = np.array(list(totals.values()))
    return len(values), float(values.mean()), float(values.std())
