"""Whether a series becomes the right numerators, volumes and moments."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.effects.panel import (
    MOMENTS,
    Cells,
    cells_of,
    months_between,
    period_index,
    rows_of,
)
from tests.unit.effects.builders import Key, rate_series, value_series

DAY = date(2024, 1, 31)


def test_months_are_cut_at_the_first_and_clipped_to_the_window() -> None:
    periods = months_between(date(2023, 12, 15), date(2024, 2, 2))

    assert [(period.start, period.end) for period in periods] == [
        (date(2023, 12, 15), date(2024, 1, 1)),
        (date(2024, 1, 1), date(2024, 2, 1)),
        (date(2024, 2, 1), date(2024, 2, 2)),
    ]


def test_days_outside_the_periods_belong_to_none() -> None:
    periods = months_between(date(2024, 1, 1), date(2024, 3, 1))
    days = [date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 1), date(2024, 3, 1)]

    found = period_index(np.array([day.toordinal() for day in days]), periods)

    assert found.tolist() == [-1, 0, 1, -1]


def test_a_spread_of_one_around_a_billion_survives() -> None:
    # 10^9 and 10^9 + 2: squares about the mean are 1 + 1; as floats the sums would give 0 or 256.
    low, high = Decimal(10**9), Decimal(10**9 + 2)
    rows: dict[Key, tuple[int, Decimal, Decimal]] = {
        ("a", "", "", DAY): (2, low + high, low * low + high * high)
    }

    moments = rows_of(value_series(rows), "mean").moments

    assert moments.yy.tolist() == [2.0]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 9)), min_size=1, max_size=8))
def test_rows_merge_as_if_measured_together(parts: list[tuple[int, int]]) -> None:
    rows: dict[Key, tuple[Decimal, Decimal]] = {
        (f"u{number}", "", "", DAY): (Decimal(y), Decimal(x)) for number, (y, x) in enumerate(parts)
    }
    together = np.array(parts, float)
    zero = np.zeros(len(parts), np.int64)

    merged = cells_of(rows_of(rate_series(rows), "rate"), zero, zero, (1, 1))

    gap = together - together.mean(axis=0)
    assert merged.n.item() == len(parts)
    assert (merged.y.item(), merged.x.item()) == pytest.approx(together.sum(axis=0))
    assert merged.yy.item() == pytest.approx((gap[:, 0] ** 2).sum(), abs=1e-9)
    assert merged.xy.item() == pytest.approx((gap[:, 0] * gap[:, 1]).sum(), abs=1e-9)


def test_segments_of_one_day_are_one_unit_day() -> None:
    rows: dict[Key, tuple[int, Decimal, Decimal]] = {
        ("a", "north", "", DAY): (3, Decimal(6), Decimal(12)),
        ("a", "south", "", DAY): (2, Decimal(5), Decimal(13)),
    }

    by_sum = rows_of(value_series(rows), "sum").moments
    by_count = rows_of(value_series(rows), "count").moments

    assert (by_sum.x.sum(), by_sum.y.sum()) == (1, 11)
    assert (by_count.x.sum(), by_count.y.sum()) == (1, 5)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=2, max_size=8))
def test_totals_of_a_day_are_one_however_many_segments_make_them(
    parts: list[tuple[int, int]],
) -> None:
    def cells(rows: dict[Key, tuple[int, Decimal, Decimal]]) -> Cells:
        read = rows_of(value_series(rows), "sum")
        zero = np.zeros(len(read.day), np.int64)
        return cells_of(read, zero, zero, (1, 1))

    apart: dict[Key, tuple[int, Decimal, Decimal]] = {}
    together: dict[Key, tuple[int, Decimal, Decimal]] = {}
    for number, pair in enumerate(parts):
        for segment, part in zip("ab", pair, strict=True):
            apart["u", segment, "", date(2024, 1, 1 + number)] = (1, Decimal(part), Decimal(0))
        together["u", "", "", date(2024, 1, 1 + number)] = (2, Decimal(sum(pair)), Decimal(0))

    for name in MOMENTS:
        found, wanted = (getattr(cells(rows), name).item() for rows in (apart, together))
        assert found == pytest.approx(wanted)
