"""The KPI's level over a window: one exact number per unit, and one for all units together."""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from aivalue.errors import NotFreezable
from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import Series

# Sums of 38-digit cells stay exact in 80 digits; a level is then rounded once, to 28.
_SUM_DIGITS = 80
_LEVEL_DIGITS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Level of each unit and of all, in the KPI's unit; a unit without volume has none."""

    overall: Decimal
    units: Mapping[str, Decimal]


def levels_of(series: Series, kpi: Kpi) -> Levels:
    """Aggregate as the KPI's definition says.

    `mean`: sum / n. `ratio`, `rate`: numerator / denominator. `sum`, `count`: total per unit-day.

    Raises
    ------
    NotFreezable
        The measurements are not of the form that the KPI needs, or have no volume.
    """
    _require_form(series, kpi)
    tops, bottoms = level_parts(series, kpi)
    spans = _spans(series)
    with localcontext(prec=_SUM_DIGITS):
        top = {unit: sum(tops[rows], Decimal(0)) for unit, rows in spans.items()}
        bottom = {unit: sum(bottoms[rows], Decimal(0)) for unit, rows in spans.items()}
        all_top, all_bottom = sum(top.values(), Decimal(0)), sum(bottom.values(), Decimal(0))
    if not all_bottom:
        raise NotFreezable(
            f"KPI {kpi.key} has no volume: the {len(series)} rows have a {_volume(kpi)} of 0"
        )
    units = {unit: _level(top[unit], bottom[unit]) for unit in top if bottom[unit]}
    return Levels(overall=_level(all_top, all_bottom), units=units)


def _spans(series: Series) -> dict[str, slice]:
    # Rows are sorted by unit, so each unit's stand together.
    counts = Counter(series.unit)
    ends = itertools.accumulate(counts.values())
    return {unit: slice(end - n, end) for (unit, n), end in zip(counts.items(), ends, strict=True)}


def _level(top: Decimal, bottom: Decimal) -> Decimal:
    with localcontext(prec=_LEVEL_DIGITS):
        return top / bottom


def level_parts(series: Series, kpi: Kpi) -> tuple[tuple[Decimal, ...], tuple[Decimal, ...]]:
    """Return each row's part of the level: what is added up above, and below, the line."""
    match kpi.aggregation:
        case "mean":
            return series.sum, tuple(map(Decimal, series.n))
        case "ratio" | "rate":
            return series.numerator, series.denominator
        case "sum":
            return series.sum, _unit_days(series)
        case "count":
            return tuple(map(Decimal, series.n)), _unit_days(series)


def _unit_days(series: Series) -> tuple[Decimal, ...]:
    # Segments of one unit, arm and day share that unit-day: the first row carries it.
    seen = set()
    days = []
    for key in zip(series.unit, series.arm, series.day, strict=True):
        days.append(Decimal(key not in seen))
        seen.add(key)
    return tuple(days)


def _require_form(series: Series, kpi: Kpi) -> None:
    if kpi.aggregation == "count":
        return
    by_parts = kpi.aggregation in {"ratio", "rate"}
    if by_parts:
        wrong = [row for row, least in enumerate(series.minimum) if least is not None]
    else:
        parts = zip(series.minimum, series.numerator, series.denominator, strict=True)
        wrong = [row for row, (least, *both) in enumerate(parts) if least is None or any(both)]
    if wrong:
        needed = "numerator and denominator" if by_parts else "value"
        row = wrong[0]
        raise NotFreezable(
            f"KPI {kpi.key} ({kpi.aggregation}) needs measurements by {needed}; {len(wrong)} of "
            f"{len(series)} rows are not, the first is {series.unit[row]} on {series.day[row]}"
        )


def _volume(kpi: Kpi) -> str:
    return "denominator" if kpi.aggregation in {"ratio", "rate"} else "count"
