"""Build series, definitions and panels for tests in a line or two."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

import numpy as np

from aivalue.effects.panel import Cells, Floats
from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import COLUMNS, Series

Key = tuple[str, str, str, date]
Parts = tuple[int, Decimal, Decimal]

MEAN = Kpi(
    key="clicks",
    process="shop",
    name="Click rate",
    unit="share",
    better_when="higher",
    aggregation="mean",
)
RATE = Kpi(
    key="downtime",
    process="line",
    name="Downtime",
    unit="min/h",
    better_when="lower",
    aggregation="rate",
    numerator="minutes",
    denominator="hours",
)


def rate_series(rows: Mapping[Key, tuple[Decimal, Decimal]]) -> Series:
    """One measurement by numerator and denominator per key (unit, segment, arm, day)."""
    cells = {
        key: {
            "n": 1,
            "numerator": y,
            "denominator": x,
            "numerator_squares": y * y,
            "denominator_squares": x * x,
            "cross_product": x * y,
        }
        for key, (y, x) in rows.items()
    }
    return _series("downtime", cells)


def value_series(rows: Mapping[Key, tuple[int, Decimal, Decimal]]) -> Series:
    """Per key: number of measurements by value, their sum and sum of squares."""
    cells = {
        key: {"n": n, "sum": total, "sum_squares": squares}
        for key, (n, total, squares) in rows.items()
    }
    return _series("clicks", cells)


def cells_of_values(values: list[list[Floats]]) -> Cells:
    """One cell per array of values; the outer list is rows, the inner one columns."""

    def each(measure: Callable[[Floats], float]) -> Floats:
        return np.array([[float(measure(cell)) for cell in row] for row in values], np.float64)

    nothing = each(lambda _: 0.0)
    n = each(len)
    return Cells(
        n=n,
        y=each(lambda cell: float(cell.sum())),
        x=n,
        yy=each(lambda cell: float(((cell - cell.mean()) ** 2).sum()) if len(cell) else 0.0),
        xx=nothing,
        xy=nothing,
    )


def _series(kpi: str, cells: Mapping[Key, Mapping[str, object]]) -> Series:
    columns: dict[str, list[object]] = {name: [] for name in COLUMNS}
    for key in sorted(cells):
        row = dict(zip(("unit", "segment", "arm", "day"), key, strict=True), **cells[key])
        for name in COLUMNS:
            empty = None if name in {"minimum", "maximum"} else Decimal(0)
            columns[name].append(row.get(name, empty))
    return Series(kpi=kpi, **{name: tuple(cells) for name, cells in columns.items()})  # type: ignore[arg-type]  # checked by Series
