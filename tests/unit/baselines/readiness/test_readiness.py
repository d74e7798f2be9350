"""Readiness finds what is wrong with a history, and stays quiet where nothing is."""

import csv
import gzip
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from aivalue.baselines.readiness.assess import Assessment, assess, target_share
from aivalue.baselines.readiness.item import Item
from aivalue.baselines.readiness.power import Plan, power_of, power_of_events
from aivalue.baselines.readiness.shifts import change_point
from aivalue.baselines.readiness.weekly import Weeks
from aivalue.baselines.window import Scope
from aivalue.errors import NotFreezable
from aivalue.kpis.definition import Exclusion, Kpi, Target, Window
from aivalue.kpis.series import COLUMNS, Series, columns_of, series_from_columns

START = date(2023, 1, 1)
DATA = Path(__file__).parents[4] / "examples" / "predictive-maintenance" / "data"
Values = dict[tuple[str, date], float]
FAILURES = Kpi(
    key="failures",
    process="p",
    name="Failures",
    unit="failures",
    better_when="lower",
    aggregation="sum",
)
PLAN = Plan(n_treated=1, n_weeks=26, target=0.15, better_when="lower", scale="proportional")


def series_of(values: Values) -> Series:
    keys = sorted(values)
    cells: dict[str, list[object]] = {name: ["0"] * len(keys) for name in COLUMNS}
    amounts = [repr(float(values[key])) for key in keys]
    return series_from_columns(
        "failures",
        cells
        | {
            "unit": [unit for unit, _ in keys],
            "segment": [""] * len(keys),
            "arm": [""] * len(keys),
            "day": [day.isoformat() for _, day in keys],
            "n": [1] * len(keys),
            "sum": amounts,
            "minimum": amounts,
            "maximum": amounts,
        },
    )


def history(
    *,
    n_units: int = 8,
    n_days: int = 371,
    seed: int = 1,
    level: Callable[[int, int], float] = lambda *_: 20.0,
) -> Values:
    """Draw counts around a level per unit and day, without any structure beyond it."""
    rng = np.random.default_rng(seed)
    return {
        (f"u{unit}", START + timedelta(days=day)): float(rng.poisson(level(unit, day)))
        for unit in range(n_units)
        for day in range(n_days)
    }


def assessed(
    values: Values,
    *,
    plan: Plan = PLAN,
    pilots: tuple[str, ...] = (),
    exclusions: tuple[Exclusion, ...] = (),
) -> Assessment:
    last = max(day for _, day in values)
    scope = Scope(window=Window(start=START, end=last + timedelta(days=1)), exclusions=exclusions)
    return assess(series_of(values), kpi=FAILURES, scope=scope, plan=plan, pilots=pilots)


def item(assessment: Assessment, name: str) -> Item:
    [found] = [each for each in assessment.items if each.name == name]
    return found


@cache
def maintenance() -> Series:
    """Failures of the 24 lines in 2023, before any line had the AI."""
    with gzip.open(DATA / "pdm_line_day.csv.gz", "rt") as lines:
        return series_of(
            {
                (row["line"], date.fromisoformat(row["date"])): float(row["failures"])
                for row in csv.DictReader(lines)
                if row["date"] < "2024"
            }
        )


def maintenance_power(**changes: object) -> Assessment:
    scope = Scope(window=Window(start=START, end=date(2024, 1, 1)))
    return assess(maintenance(), kpi=FAILURES, scope=scope, plan=PLAN, pilots=("L01",))


def test_one_line_for_six_months_cannot_prove_fifteen_per_cent() -> None:
    # The published check: one line detects about 29 %, 15 % needs about six lines.
    power = maintenance_power().power

    assert power is not None
    assert power.method == "simulation"
    assert power.detectable == pytest.approx(0.29, abs=0.01)
    assert power.formula == pytest.approx(0.29, abs=0.01)
    assert power.units_needed == 6


def test_a_pilot_picked_after_a_bad_stretch_is_warned_about() -> None:
    found = item(maintenance_power(), "regression to the mean")

    assert found.status == "warn"
    assert found.number is not None
    assert found.number < 0  # L01 is the worst line: it gets better by itself


def test_a_clean_year_passes() -> None:
    plan = Plan(n_treated=4, n_weeks=26, target=0.15, better_when="lower")

    assessment = assessed(history(), plan=plan)

    assert assessment.status == "pass"
    assert {each.name for each in assessment.items} == {
        "coverage", "gaps", "duplicates", "repeats", "outliers", "season", "level shift",
        "unit shifts", "stationarity", "unit balance", "power",
    }  # fmt: skip


def test_free_weekends_are_cadence_and_not_a_gap() -> None:
    values = {key: value for key, value in history().items() if key[1].weekday() < 5}

    assessment = assessed(values)

    assert item(assessment, "coverage").number == 1.0
    assert item(assessment, "gaps").number == 0.0


def test_a_hole_is_found_with_its_unit_and_day() -> None:
    hole = {("u3", START + timedelta(days=day)) for day in range(100, 140)}
    values = {key: value for key, value in history().items() if key not in hole}

    found = item(assessed(values), "gaps")

    assert (found.status, found.number) == ("fail", 40.0)
    assert "u3 from 2023-04-11" in found.detail


def test_an_excluded_hole_is_no_gap() -> None:
    first, last = START + timedelta(days=100), START + timedelta(days=140)
    values = {key: value for key, value in history().items() if not first <= key[1] < last}
    strike = Exclusion(start=first, end=last, reason="strike")

    assessment = assessed(values, exclusions=(strike,))

    assert item(assessment, "gaps").number == 0.0
    assert item(assessment, "coverage").number == 1.0


def test_a_unit_registered_twice_is_found() -> None:
    values = history()
    values |= {("copy", day): value for (unit, day), value in values.items() if unit == "u0"}

    found = item(assessed(values), "duplicates")

    assert found.status == "fail"
    assert found.detail == "u0 repeats copy"


def test_a_wrong_decimal_point_is_an_outlier() -> None:
    values = history()
    values["u1", START + timedelta(days=210)] *= 100

    found = item(assessed(values), "outliers")

    assert found.detail.endswith("u1 in the week of 2023-07-30")


def test_half_a_year_is_no_season() -> None:
    assert item(assessed(history(n_days=180)), "season").status == "warn"
    assert item(assessed(history(n_days=50)), "season").status == "fail"


def test_a_shift_of_the_whole_process_is_dated_and_sized() -> None:
    # Day 401 is 2024-02-06, inside the week of 2024-02-04.
    values = history(n_days=735, level=lambda _, day: 20.0 if day < 401 else 26.0)

    found = item(assessed(values), "level shift")

    assert found.status == "fail"
    assert "from 2024-02-" in found.detail


def test_in_a_single_year_a_shift_may_be_the_season() -> None:
    values = history(level=lambda _, day: 20.0 if day < 182 else 26.0)

    found = item(assessed(values), "level shift")

    assert found.status == "warn"
    assert found.detail.endswith("under two years it may be the season")


def test_a_unit_that_moves_away_is_named() -> None:
    values = history(level=lambda unit, day: 30.0 if unit == 5 and day >= 182 else 20.0)

    found = item(assessed(values), "unit shifts")

    assert found.status == "warn"
    assert found.detail.startswith("u5 +")


def test_a_yearly_wave_is_no_shift() -> None:
    values = history(
        n_days=728, level=lambda _, day: 20.0 + 5.0 * float(np.sin(2 * np.pi * day / 365.25))
    )

    assert item(assessed(values), "level shift").status == "pass"


def test_one_unit_alone_has_nothing_to_be_compared_with() -> None:
    assessment = assessed(history(n_units=1))

    assert item(assessment, "unit balance").status == "warn"
    assert assessment.power is not None
    assert assessment.power.units_needed is None


def test_change_points_are_rarely_seen_where_there_are_none() -> None:
    # 400 series of 52 weeks with autocorrelation .3: 5 % nominal;
    # 8 % leaves three Monte Carlo errors of 1.1 points.
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(400):
        noise = rng.standard_normal(52)
        for week in range(1, 52):
            noise[week] += 0.3 * noise[week - 1]
        alarms += change_point(noise).p_value < 0.05

    assert alarms / 400 <= 0.08


def test_power_by_event_is_the_textbook_formula() -> None:
    # Two arms of 10,000 clicks at 1 %: (1.96 + 0.84) sqrt(2 * .01 * .99 / 10,000) = 0.394 points.
    plan = Plan(n_treated=1, n_weeks=1, target=None, better_when="higher")

    power = power_of_events(
        mean=0.01, deviation=(0.01 * 0.99) ** 0.5, events_per_week=20_000, plan=plan
    )

    assert power.detectable * 0.01 == pytest.approx(0.00394, abs=0.00001)


def test_more_units_and_more_weeks_see_smaller_effects() -> None:
    def seen(n_treated: int, n_weeks: int) -> float:
        plan = Plan(n_treated=n_treated, n_weeks=n_weeks, target=None, better_when="lower")
        power = assessed(history(n_days=119), plan=plan).power
        assert power is not None
        return power.detectable

    assert seen(1, 8) > seen(2, 8) > seen(4, 8)
    assert seen(1, 8) > seen(1, 16) > seen(1, 52)


def test_too_little_is_refused_with_the_numbers() -> None:
    with pytest.raises(NotFreezable, match="needs 2 weeks of measurements of KPI failures, got 10"):
        assessed(history(n_units=1, n_days=10))


@pytest.mark.parametrize(
    ("kind", "amount", "unit", "share"),
    [
        ("relative", "0.15", "min/h", 0.15),
        ("absolute", "0.5", "min/h", 0.25),  # half a minute of two
        ("percentage_points", "0.5", "share", 0.0025),  # 0.5 points of 200 %
        ("percentage_points", "0.5", "%", 0.25),  # 0.5 points of 2 %
    ],
)
def test_a_target_is_a_share_of_the_level(kind: str, amount: str, unit: str, share: float) -> None:
    kpi = FAILURES.model_copy(update={"unit": unit})
    target = Target.model_validate(
        {
            "key": "t",
            "initiative": "i",
            "kpi": "failures",
            "kind": kind,
            "amount": amount,
            "due": "2025-01-01",
        }
    )

    assert target_share(target, kpi=kpi, level=Decimal(2)) == pytest.approx(share)
    if kind != "relative":
        assert target_share(target, kpi=kpi, level=Decimal(0)) is None


def test_pilot_units_on_which_nothing_happens_have_no_share_to_move_by() -> None:
    found = item(
        assessed(history(level=lambda unit, _: 20.0 * (unit > 0)), pilots=("u0",)),
        "regression to the mean",
    )

    assert (found.status, found.number) == ("warn", None)
    assert "u0: the level is 0, of all units 17.4" in found.detail


def test_a_move_over_a_level_below_zero_keeps_its_direction() -> None:
    values = history(level=lambda unit, _: 20.0 + 2 * unit)

    up, down = (
        item(assessed(each, pilots=("u0",)), "regression to the mean").number
        for each in (values, {key: -value for key, value in values.items()})
    )

    assert up is not None
    assert up > 0
    assert down == pytest.approx(-up)


def test_a_unit_that_no_whole_week_measured_changes_no_other() -> None:
    values = history(n_days=371)
    late = {("u9", START + timedelta(days=371 + day)): 5.0 for day in range(2)}

    alone, beside = (assessed(each, pilots=("u0",)) for each in (values, values | late))

    for name in ("regression to the mean", "outliers", "unit shifts", "unit balance", "power"):
        assert item(beside, name) == item(alone, name)


def test_a_small_spread_around_a_large_mean_is_not_lost() -> None:
    # 0.1 around a billion: its squares agree in the 16 digits that a float has.
    values = {("u0", START + timedelta(days=day)): 1e9 + 0.1 * (day % 2) for day in range(70)}
    columns = columns_of(series_of(values))
    columns["sum_squares"] = [str(Decimal(str(cell)) ** 2) for cell in columns["sum"]]
    power = assess(
        series_from_columns("amount", columns),
        kpi=FAILURES.model_copy(update={"aggregation": "mean"}),
        scope=Scope(window=Window(start=START, end=START + timedelta(days=70))),
        plan=Plan(n_treated=1, n_weeks=1, target=None, better_when="lower"),
        by_event=True,
    ).power

    assert power is not None
    # A deviation of 0.05, two arms of 3.5 events: 2.80 * 0.05 * sqrt(2 / 3.5) over a billion.
    assert power.detectable * 1e9 == pytest.approx(0.1059, abs=1e-4)


def test_totals_of_a_day_tell_as_much_whatever_they_were_measured_by() -> None:
    scope = Scope(window=Window(start=START, end=START + timedelta(days=70)))
    once = columns_of(series_of(history(n_units=2, n_days=70)))

    def power(columns: dict[str, list[str | int | None]]) -> float:
        found = assess(
            series_from_columns("failures", columns),
            kpi=FAILURES,
            scope=scope,
            plan=Plan(n_treated=1, n_weeks=4, target=None, better_when="lower"),
            by_event=True,
        ).power
        assert found is not None
        return found.detectable

    hundred = once | {"n": [100 for _ in once["n"]]}
    # Two segments, each with half of the day.
    half = once | {
        name: [str(Decimal(str(cell)) / 2) for cell in once[name]]
        for name in ("sum", "minimum", "maximum")
    }
    n = len(once["n"])
    halves = {name: [*cells, *cells] for name, cells in half.items()}
    halves |= {"segment": [*("a" * n), *("b" * n)]}

    assert power(hundred) == power(once)
    assert power(halves) == pytest.approx(power(once))


def test_levels_that_never_vary_have_a_power_though_their_mix_varies() -> None:
    # Each unit's level stands; the others' level together moves with who is measured.
    rng = np.random.default_rng(13)
    weeks = Weeks(
        units=("a", "b", "c"),
        start=START,
        top=(volume := rng.integers(1, 9, (3, 30)).astype(float)) * [[1.0], [2.0], [3.0]],
        bottom=volume,
    )

    power = power_of(
        weeks, Plan(n_treated=1, n_weeks=4, target=0.1, better_when="lower", scale="additive")
    )

    assert (power.method, power.formula) == ("simulation", 0.0)
    assert power.detectable > 0
    assert power.weeks_needed is None or power.weeks_needed > 4
