"""A KPI's series as arrays: what estimators read.

Every KPI becomes a numerator and a denominator (`volume`): mean = sum / n, ratio = numerator /
denominator, sum and count = total / unit-days. Moments are centred within a row while still exact
decimals, so that a small spread around a large mean survives.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

import numpy as np
from numpy.typing import NDArray

from aivalue.effects.effect import Period
from aivalue.kpis.plan import Aggregation
from aivalue.kpis.series import Series

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

MOMENTS = ("n", "y", "x", "yy", "xx", "xy")
_CENTRING_DIGITS = 60  # Squares of 28-digit sums, without rounding.


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Merged sufficient statistics, one cell per (row, column); all arrays have one shape.

    Attributes
    ----------
    n : measurements; for sum and count KPIs the unit-days.
    y, x : sums of numerator and denominator.
    yy, xx, xy : sums of squares and products about the cell's means.
    """

    n: Floats
    y: Floats
    x: Floats
    yy: Floats
    xx: Floats
    xy: Floats

    def of(self, chosen: Booleans | Integers) -> "Cells":
        """Return the chosen rows."""
        return Cells(**{name: getattr(self, name)[chosen] for name in MOMENTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of a series as arrays, in the series' order; `day` is the proleptic ordinal.

    `segment` is empty where no row names one, or where a total has no volume by segment.
    """

    unit: tuple[str, ...]
    arm: tuple[str, ...]
    day: Integers
    moments: Cells
    segment: tuple[str, ...] = ()


def rows_of(series: Series, aggregation: Aggregation) -> Rows:
    """Read each row as numerator and denominator with centred moments."""
    if aggregation in {"sum", "count"}:
        moments = _unit_days(series, aggregation)
    elif aggregation == "mean":
        moments = _by_value(series)
    else:
        moments = _by_parts(series)
    day = np.fromiter((day.toordinal() for day in series.day), np.int64, len(series))
    # The volume of a sum or count is its unit-days, which segments share.
    has_mix = aggregation not in {"sum", "count"} and any(series.segment)
    segment = series.segment if has_mix else ()
    return Rows(unit=series.unit, arm=series.arm, day=day, moments=moments, segment=segment)


def cells_of(rows: Rows, row: Integers, column: Integers, shape: tuple[int, int]) -> Cells:
    """Merge rows into cells; rows with a negative index belong to none.

    Sums add up; squares about the mean merge by Chan, Golub & LeVeque (1983).
    """
    kept = (row >= 0) & (column >= 0)
    index = row[kept] * shape[1] + column[kept]
    part = {name: getattr(rows.moments, name)[kept] for name in MOMENTS}

    def summed(values: Floats) -> Floats:
        return np.bincount(index, values, shape[0] * shape[1]).astype(np.float64)

    n, y, x = summed(part["n"]), summed(part["y"]), summed(part["x"])
    counted = np.maximum(n, 1)
    rows_counted = np.maximum(part["n"], 1)
    y_gap = part["y"] / rows_counted - (y / counted)[index]
    x_gap = part["x"] / rows_counted - (x / counted)[index]
    merged = {
        "n": n,
        "y": y,
        "x": x,
        "yy": summed(part["yy"] + part["n"] * y_gap**2),
        "xx": summed(part["xx"] + part["n"] * x_gap**2),
        "xy": summed(part["xy"] + part["n"] * y_gap * x_gap),
    }
    return Cells(**{name: values.reshape(shape) for name, values in merged.items()})


def months_between(start: date, end: date) -> tuple[Period, ...]:
    """Cut [start, end) at the first of each month."""
    periods = []
    while start < end:
        following = date(start.year + start.month // 12, start.month % 12 + 1, 1)
        periods.append(Period(start=start, end=min(following, end)))
        start = following
    return tuple(periods)


def period_index(day: Integers, periods: tuple[Period, ...]) -> Integers:
    """Return each day's position in adjoining periods, -1 where it lies in none."""
    edges = [period.start.toordinal() for period in periods] + [periods[-1].end.toordinal()]
    found = np.searchsorted(np.asarray(edges), day, side="right") - 1
    return np.where(found >= len(periods), -1, found).astype(np.int64)


def _by_value(series: Series) -> Cells:
    n = np.asarray(series.n, np.float64)
    y, nothing = _floats(series.sum), np.zeros(len(series))
    yy = _centred(series.n, series.sum_squares, series.sum, series.sum)
    return Cells(n=n, y=y, x=n, yy=yy, xx=nothing, xy=nothing)


def _by_parts(series: Series) -> Cells:
    top, bottom = series.numerator, series.denominator
    return Cells(
        n=np.asarray(series.n, np.float64),
        y=_floats(top),
        x=_floats(bottom),
        yy=_centred(series.n, series.numerator_squares, top, top),
        xx=_centred(series.n, series.denominator_squares, bottom, bottom),
        xy=_centred(series.n, series.cross_product, top, bottom),
    )


def _unit_days(series: Series, aggregation: Aggregation) -> Cells:
    # Segments of one unit, arm and day share that unit-day: the first row carries it, and them all.
    carrier: dict[tuple[str, str, date], int] = {}
    keys = zip(series.unit, series.arm, series.day, strict=True)
    at = np.fromiter((carrier.setdefault(key, row) for row, key in enumerate(keys)), np.int64)
    days = (at == np.arange(len(series))).astype(np.float64)
    total = _floats(series.sum) if aggregation == "sum" else np.asarray(series.n, np.float64)
    y = np.bincount(at, total, len(series)).astype(np.float64)
    nothing = np.zeros(len(series))
    return Cells(n=days, y=y, x=days, yy=nothing, xx=nothing, xy=nothing)


def _floats(column: tuple[Decimal, ...]) -> Floats:
    return np.fromiter((float(cell) for cell in column), np.float64, len(column))


def _centred(
    n: tuple[int, ...],
    product: tuple[Decimal, ...],
    left: tuple[Decimal, ...],
    right: tuple[Decimal, ...],
) -> Floats:
    with localcontext(prec=_CENTRING_DIGITS):
        cells = [
            float(p - a * b / count) if count > 1 else 0.0
            for count, p, a, b in zip(n, product, left, right, strict=True)
        ]
    return np.asarray(cells, np.float64)
