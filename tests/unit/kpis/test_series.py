"""A series has one meaning and one digest, whatever order and scale its cells came in."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.kpis.series import COLUMNS, columns_of, plain, series_from_columns

ROW = {
    "unit": "L01", "segment": "", "arm": "", "day": "2023-01-01", "n": 2, "sum": "3",
    "sum_squares": "5", "minimum": "1", "maximum": "2", "numerator": "0", "denominator": "0",
    "numerator_squares": "0", "denominator_squares": "0", "cross_product": "0",
}  # fmt: skip


def columns(*rows: dict[str, object]) -> dict[str, list[object]]:
    return {name: [{**ROW, **row}[name] for row in rows] for name in COLUMNS}


def test_rows_are_put_in_order() -> None:
    series = series_from_columns("k", columns({"unit": "b"}, {"unit": "a", "sum": "7"}))

    assert series.unit == ("a", "b")
    assert series.sum == (Decimal(7), Decimal(3))


def test_a_key_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="each key once"):
        series_from_columns("k", columns({}, {}))


def test_columns_of_different_length_are_refused() -> None:
    broken = columns({}, {"unit": "L02"})
    broken["n"].pop()

    with pytest.raises(ValueError, match="column n has 1 rows, needs 2"):
        series_from_columns("k", broken)


def test_columns_survive_the_round_trip() -> None:
    read = series_from_columns("k", columns({"minimum": None, "maximum": None}, {"unit": "L02"}))

    assert series_from_columns("k", columns_of(read)) == read


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Decimal("0.10"), "0.1"),
        (Decimal(100), "100"),
        (Decimal("1E+2"), "100"),
        (Decimal("-0.0"), "0"),
        (Decimal("1E-7"), "0.0000001"),
        (None, ""),
        (date(2023, 1, 2), "2023-01-02"),
    ],
)
def test_a_cell_has_one_text(cell: Decimal | date | None, text: str) -> None:
    assert plain(cell) == text


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=9, min_value=-(10**20), max_value=10**20
    )
)
def test_plain_text_keeps_the_value(amount: Decimal) -> None:
    assert Decimal(plain(amount)) == amount
