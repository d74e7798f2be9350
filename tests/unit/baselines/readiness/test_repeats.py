"""Days counted twice and stuck values are found; histories that merely look alike are not."""

from collections.abc import Sequence
from datetime import date, timedelta

from aivalue.baselines.readiness.item import Item
from aivalue.baselines.readiness.repeats import repeats_item
from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import COLUMNS, series_from_columns

START = date(2023, 1, 1)
KPI = Kpi(
    key="k", process="p", name="K", unit="min", better_when="lower", aggregation="mean"
)  # fmt: skip


def found(values: Sequence[float], *, n: Sequence[int] | None = None) -> Item:
    rows = len(values)
    cells: dict[str, list[object]] = {name: ["0"] * rows for name in COLUMNS}
    own: dict[str, list[object]] = {
        "unit": ["L01"] * rows,
        "segment": [""] * rows,
        "arm": [""] * rows,
        "day": [(START + timedelta(days=day)).isoformat() for day in range(rows)],
        "n": list(n or [3] * rows),
        "sum": [str(each) for each in values],
        "minimum": ["1"] * rows,
        "maximum": ["1"] * rows,
    }
    return repeats_item(series_from_columns("k", cells | own), KPI)


def test_different_days_repeat_nothing() -> None:
    assert found(range(100)).status == "pass"


def test_a_day_with_twice_the_usual_measurements_is_named() -> None:
    n = [3] * 100
    n[40] = 6

    item = found(range(100), n=n)

    assert (item.status, item.number) == ("warn", 0.01)
    assert "L01 on 2023-02-10" in item.detail


def test_where_the_number_varies_twice_as_many_mean_nothing() -> None:
    assert found(range(100), n=[1 + day % 4 for day in range(100)]).status == "pass"


def test_a_stuck_value_is_named_from_its_second_day() -> None:
    values = [float(day) for day in range(100)]
    values[10:16] = [10.0] * 6

    item = found(values)

    assert item.status == "fail"  # 5 of 100 unit-days
    assert item.number == 0.05
    assert "L01 on 2023-01-12" in item.detail


def test_small_counts_recur_without_being_stuck() -> None:
    assert found([1.0] * 20 + [2.0] * 20).status == "pass"


def test_days_on_which_nothing_happened_are_not_stuck() -> None:
    assert found([float(day) if day % 10 == 0 else 0.0 for day in range(100)]).status == "pass"
