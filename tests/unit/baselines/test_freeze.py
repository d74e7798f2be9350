"""The digest changes with the content and with nothing else; what is no baseline is refused."""

import hashlib
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.baselines.freeze import FrozenBaseline, Subject, freeze
from aivalue.baselines.window import Scope
from aivalue.errors import NotFreezable
from aivalue.kpis.definition import Exclusion, Kpi, Window
from aivalue.kpis.plan import Aggregation
from aivalue.kpis.series import COLUMNS, Series, series_from_columns

START, END = date(2023, 1, 1), date(2023, 1, 11)
TODAY, GO_LIVE = date(2023, 2, 1), date(2023, 3, 1)
DECIMALS = COLUMNS[COLUMNS.index("sum") :]
Columns = dict[str, list[Any]]


def measured(units: tuple[str, ...] = ("a", "b"), *, days: int = 10) -> Columns:
    """By value: on day d a unit has d + 1 measurements whose sum is 2 (d + 1)."""
    rows = [(unit, day) for unit in units for day in range(days)]
    cells: Columns = {name: ["0"] * len(rows) for name in DECIMALS}
    return cells | {
        "unit": [unit for unit, _ in rows],
        "segment": [""] * len(rows),
        "arm": [""] * len(rows),
        "day": [(START + timedelta(days=day)).isoformat() for _, day in rows],
        "n": [day + 1 for _, day in rows],
        "sum": [str(2 * (day + 1)) for _, day in rows],
        "sum_squares": [str(5 * (day + 1)) for _, day in rows],
        "minimum": ["1"] * len(rows),
        "maximum": ["3"] * len(rows),
    }


def kpi(aggregation: Aggregation = "mean") -> Kpi:
    by_parts = aggregation in {"ratio", "rate"}
    return Kpi(
        key="k",
        process="p",
        name="K",
        unit="min",
        better_when="lower",
        aggregation=aggregation,
        numerator="a" if by_parts else None,
        denominator="b" if by_parts else None,
    )


def subject(aggregation: Aggregation = "mean", *, go_live: date | None = GO_LIVE) -> Subject:
    return Subject(
        initiative="i",
        kpi=kpi(aggregation),
        kpi_version=1,
        kpi_sha256="0" * 64,
        go_live=go_live,
    )


def frozen(
    columns: Columns,
    *,
    scope: Scope | None = None,
    of: Subject | None = None,
    today: date = TODAY,
) -> FrozenBaseline:
    series: Series = series_from_columns("k", columns)
    scope = scope or Scope(window=Window(start=START, end=END))
    return freeze(series, subject=of or subject(), scope=scope, today=today)


@given(st.permutations(range(20)))
def test_the_order_of_arrival_does_not_change_the_digest(order: list[int]) -> None:
    columns = measured()
    shuffled = {name: [cells[row] for row in order] for name, cells in columns.items()}

    assert frozen(shuffled).content == frozen(columns).content


@given(st.integers(0, 19), st.sampled_from(DECIMALS), st.integers(1, 9))
def test_the_scale_of_a_decimal_does_not_change_the_digest(row: int, name: str, zeros: int) -> None:
    columns = measured()
    before = frozen(columns).sha256
    columns[name][row] += "." + "0" * zeros

    assert frozen(columns).sha256 == before


@given(st.integers(0, 19), st.sampled_from(COLUMNS))
def test_any_cell_that_changes_changes_the_digest(row: int, name: str) -> None:
    columns = measured()
    before = frozen(columns, of=subject("count")).sha256
    columns[name][row] = {
        "unit": "c",
        "segment": "new",
        "arm": "control",
        "day": "2023-01-10" if row % 10 != 9 else "2023-01-01",
        "n": 77,
    }.get(name, "0.000000001")
    if name == "day":
        # The neighbour of that day makes room, so that the key stays single.
        columns["segment"][row] = "moved"

    assert frozen(columns, of=subject("count")).sha256 != before


@pytest.mark.parametrize(
    "scope",
    [
        Scope(window=Window(start=START, end=END + timedelta(days=1))),
        Scope(
            window=Window(start=START, end=END),
            exclusions=(
                Exclusion(start=END - timedelta(days=1), end=END, units=("z",), reason="strike"),
            ),
        ),
    ],
)
def test_window_and_exclusions_are_part_of_the_digest(scope: Scope) -> None:
    assert frozen(measured(), scope=scope).sha256 != frozen(measured()).sha256


def test_the_digest_is_that_of_the_content() -> None:
    baseline = frozen(measured())

    assert hashlib.sha256(baseline.content).hexdigest() == baseline.sha256


def test_rows_outside_the_window_and_the_units_stay_out() -> None:
    scope = Scope(window=Window(start=START, end=START + timedelta(days=2)), units=("a",))

    baseline = frozen(measured(), scope=scope)

    assert baseline.units == ("a",)
    assert baseline.n == 1 + 2


def test_coverage_counts_unit_days() -> None:
    columns = measured(("a",))
    half = {name: cells[:4] for name, cells in measured(("b",)).items()}
    joined = {name: cells + half[name] for name, cells in columns.items()}

    coverage = frozen(joined).coverage

    assert (coverage.expected_unit_days, coverage.observed_unit_days) == (20, 14)
    assert coverage.ratio == Decimal("0.700000")
    assert coverage.units == {"a": Decimal("1.000000"), "b": Decimal("0.400000")}


def test_an_excluded_day_is_not_expected() -> None:
    holiday = Exclusion(start=START, end=START + timedelta(days=1), reason="holiday")
    scope = Scope(window=Window(start=START, end=END), exclusions=(holiday,))

    coverage = frozen(measured(), scope=scope).coverage

    assert (coverage.expected_unit_days, coverage.observed_unit_days) == (18, 18)


@pytest.mark.parametrize(
    ("aggregation", "level"),
    [
        ("mean", Decimal(2)),  # every measurement averages 2
        ("sum", Decimal(11)),  # 2 + 4 + ... + 20 = 110 over 10 days of each unit
        ("count", Decimal("5.5")),  # 1 + 2 + ... + 10 = 55 over 10 days of each unit
    ],
)
def test_the_level_follows_the_aggregation(aggregation: Aggregation, level: Decimal) -> None:
    levels = frozen(measured(), of=subject(aggregation)).levels

    assert levels.overall == level
    assert levels.units == {"a": level, "b": level}


def test_a_ratio_weighs_by_its_denominator() -> None:
    columns = measured(days=1) | {
        "minimum": [None, None],
        "maximum": [None, None],
        "numerator": ["1", "9"],
        "denominator": ["10", "30"],
    }

    levels = frozen(columns, of=subject("ratio")).levels

    assert levels.units == {"a": Decimal("0.1"), "b": Decimal("0.3")}
    assert levels.overall == Decimal("0.25")  # 10 of 40, not the mean of the two


def test_segments_share_their_unit_day() -> None:
    columns = measured(("a", "a"), days=1) | {"segment": ["x", "y"]}

    assert frozen(columns, of=subject("sum")).levels.overall == Decimal(4)


@pytest.mark.parametrize("aggregation", ["ratio", "rate"])
def test_a_ratio_of_values_is_refused(aggregation: Aggregation) -> None:
    with pytest.raises(NotFreezable, match="needs measurements by numerator and denominator; 20"):
        frozen(measured(), of=subject(aggregation))


def test_a_mean_of_parts_is_refused() -> None:
    columns = measured() | {"minimum": [None] * 20}

    with pytest.raises(NotFreezable, match="needs measurements by value; 20 of 20 rows are not"):
        frozen(columns)


def test_a_ratio_without_volume_is_refused() -> None:
    columns = measured() | {"minimum": [None] * 20}

    with pytest.raises(NotFreezable, match="a denominator of 0"):
        frozen(columns, of=subject("ratio"))


def test_a_window_that_is_not_over_is_refused() -> None:
    with pytest.raises(NotFreezable, match="the window is not over"):
        frozen(measured(), today=END - timedelta(days=1))


@pytest.mark.parametrize(
    ("go_live", "today", "reconstructed"),
    [
        (None, TODAY, False),
        (TODAY + timedelta(days=1), TODAY, False),
        (TODAY, TODAY, True),
        (END, TODAY, True),
    ],
)
def test_frozen_when_the_ai_was_live_is_reconstructed(
    go_live: date | None, today: date, *, reconstructed: bool
) -> None:
    baseline = frozen(measured(), of=subject(go_live=go_live), today=today)

    assert baseline.reconstructed is reconstructed


def test_many_missing_units_are_counted_and_the_first_named() -> None:
    units = tuple(f"u{number:02}" for number in range(12))
    scope = Scope(window=Window(start=START, end=END), units=("a", *units))

    with pytest.raises(NotFreezable, match=r"12 of 13 units .* u09 and 2 more"):
        frozen(measured(), scope=scope)
