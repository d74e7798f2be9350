"""Whether definitions, interventions and series lead to the right estimate, grade or refusal."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from aivalue.effects.design import Assignment
from aivalue.effects.estimate import estimate
from aivalue.effects.estimators.synthetic_control import synthetic_control
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    synthetic_difference_in_differences,
)
from aivalue.effects.estimators.synthetic_effect import (
    synthetic_control_effect,
    synthetic_difference_effect,
)
from aivalue.effects.functional import average, over, relative, total
from aivalue.effects.material import gather
from aivalue.effects.panel import Cells, months_between
from aivalue.effects.readings.panels import read_mix, read_one_mix
from aivalue.effects.readings.synthetic import block_of, read_synthetic_difference
from aivalue.effects.result import Estimate
from aivalue.kpis.definition import Design, Window
from aivalue.kpis.series import Series
from tests.unit.effects.builders import MEAN, RATE, Key, rate_series, value_series

SCENARIOS = Path(__file__).parents[3] / "examples/predictive-maintenance/data"
BASELINE = Window(start=date(2023, 1, 1), end=date(2024, 1, 1))
# Months after January 2024 in which a line went live, from the scenario's description.
WAVES = ((0, 1), (6, 5), (9, 6), (12, 6), (15, 4))


@cache
def maintenance_series() -> Series:
    rows: dict[Key, tuple[Decimal, Decimal]] = {}
    with gzip.open(SCENARIOS / "pdm_line_day.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            key = (row["line"], "", "", date.fromisoformat(row["date"]))
            rows[key] = (Decimal(row["downtime_min"]), Decimal(row["sched_h"]))
    return rate_series(rows)


def maintenance_rollout() -> list[Assignment]:
    rollout, line = [], 0
    for month, n_lines in WAVES:
        for _ in range(n_lines):
            line += 1
            start = date(2024 + month // 12, month % 12 + 1, 1)
            rollout.append(phased(f"L{line:02d}", start))
    return rollout


def phased(unit: str, start: date) -> Assignment:
    return Assignment(
        unit=unit, arm="treatment", start=start, end=None, assignment="phased", randomized_by=None
    )


def maintenance_design(**changes: object) -> Design:
    design = Design(
        key="maintenance",
        kpis=("downtime",),
        assignment="phased",
        scale="proportional",
        baseline=BASELINE,
    )
    return design.model_copy(update=changes)


def before_2024(series: Series) -> Series:
    return series.where(lambda key: key[3] < date(2024, 1, 1))


def test_predictive_maintenance_finds_the_designed_reduction() -> None:
    series = maintenance_series()

    result = estimate(
        kpi=RATE,
        design=maintenance_design(),
        interventions=maintenance_rollout(),
        series=series,
        baseline_series=before_2024(series),
    )

    assert result.effect is not None
    assert (result.verdict, result.grade) == ("confirmed", "B")
    assert (result.effect.design, result.effect.n_treated) == ("staggered", 22)
    # The AI version of months 21 to 23 avoids 36 % of failures by construction.
    last = relative(over(result.effect, date(2025, 10, 1), date(2026, 1, 1)))
    assert last.low <= -0.36 <= last.high
    assert last.high < 0
    # 2,388 hours were avoided in the simulation.
    avoided = total(result.effect)
    assert avoided.low <= -2388.31 * 60 <= avoided.high
    assert avoided == result.total


def test_a_downgrade_is_read_beside_what_the_data_would_have_chosen() -> None:
    series = maintenance_series()

    result = estimate(
        kpi=RATE,
        design=maintenance_design(estimator="before_after"),
        interventions=maintenance_rollout(),
        series=series,
        baseline_series=before_2024(series),
    )

    agreement = next(check for check in result.checks if check.name == "agreement")
    assert "difference_in_differences" in agreement.detail
    assert result.grade == "C"


def test_the_pilot_line_alone_is_inconclusive_and_weakly_graded() -> None:
    series = maintenance_series()
    pilot = Window(start=date(2024, 1, 1), end=date(2024, 7, 1))

    result = estimate(
        kpi=RATE,
        design=maintenance_design(measured=pilot),
        interventions=maintenance_rollout(),
        series=series,
        baseline_series=before_2024(series),
    )

    assert (result.verdict, result.grade) == ("inconclusive", "C")
    assert result.effect is not None
    assert (result.effect.design, result.effect.n_treated) == ("few_treated", 1)
    assert result.relative is not None
    assert result.relative.low <= -0.15 <= result.relative.high


def test_an_unfrozen_or_reconstructed_baseline_caps_the_grade() -> None:
    series = maintenance_series()
    inputs = {"kpi": RATE, "design": maintenance_design(), "series": series}

    absent = estimate(**inputs, interventions=maintenance_rollout())  # type: ignore[arg-type]  # named inputs
    late = estimate(
        **inputs,  # type: ignore[arg-type]  # named inputs
        interventions=maintenance_rollout(),
        baseline_series=before_2024(series),
        reconstructed=True,
    )

    assert (absent.grade, late.grade) == ("C", "C")
    assert "the baseline was not frozen before go-live" in late.grade_reasons


def test_a_frozen_baseline_is_not_moved_by_later_corrections() -> None:
    series = maintenance_series()
    frozen = before_2024(series)
    doubled = tuple(
        value * 2 if day < date(2024, 1, 1) else value
        for value, day in zip(series.numerator, series.day, strict=True)
    )

    plain, corrected = (
        estimate(
            kpi=RATE,
            design=maintenance_design(),
            interventions=maintenance_rollout(),
            series=each,
            baseline_series=frozen,
        )
        for each in (series, replace(series, numerator=doubled))
    )

    assert corrected.effect == plain.effect


def test_the_same_inputs_give_the_same_bytes_whatever_the_order_of_interventions() -> None:
    series = maintenance_series()

    once, again = (
        estimate(
            kpi=RATE,
            design=maintenance_design(),
            interventions=interventions,
            series=series,
            baseline_series=before_2024(series),
        )
        for interventions in (maintenance_rollout(), maintenance_rollout()[::-1])
    )

    assert repr(once) == repr(again)


def test_one_line_without_controls_is_read_from_its_own_history() -> None:
    result = estimate(
        kpi=RATE,
        design=maintenance_design(baseline=None),
        interventions=maintenance_rollout(),
        series=maintenance_series(),
        units={"L13"},
    )

    assert result.effect is not None
    assert (result.effect.design, result.grade) == ("series_only", "C")
    assert result.choice is not None
    refused = {each.estimator: each.why_not for each in result.choice.alternatives}
    assert "without the AI beside" in refused["difference_in_differences"]


DAYS = [date(2024, 3, 25) + timedelta(days=offset) for offset in range(14)]


def randomized(arm: str, unit: str = "web", by: str = "event") -> Assignment:
    return Assignment(
        unit=unit,
        arm=arm,  # type: ignore[arg-type]  # literal cases
        start=DAYS[0],
        end=None,
        assignment="random",
        randomized_by=by,  # type: ignore[arg-type]  # literal cases
    )


def random_design(by: str = "event", **changes: object) -> Design:
    design = Design(key="shop", kpis=("clicks",), assignment="random", randomized_by="event")
    return design.model_copy(update={"randomized_by": by, **changes})


def clicks(
    rates: dict[tuple[str, str], float], *, n: int = 500, seed: int = 1, drop: float = 0.0
) -> Series:
    """Return daily clicks per (unit, arm); `drop` loses that share of treated events at the end."""
    rng = np.random.default_rng(seed)
    rows: dict[Key, tuple[int, Decimal, Decimal]] = {}
    for (unit, arm), rate in rates.items():
        for position, day in enumerate(DAYS):
            is_lost = arm == "treatment" and position >= len(DAYS) // 2
            shown = int(n * (1 - drop)) if is_lost else n
            hits = Decimal(int(rng.binomial(shown, rate)))
            rows[unit, "", arm, day] = (shown, hits, hits)
    return value_series(rows)


def test_events_randomized_within_a_unit_earn_grade_a_per_calendar_month() -> None:
    series = clicks({("web", "treatment"): 0.12, ("web", "control"): 0.08})

    result = estimate(
        kpi=MEAN,
        design=random_design(),
        interventions=[randomized("treatment"), randomized("control")],
        series=series,
    )

    assert (result.verdict, result.grade) == ("confirmed", "A")
    assert result.effect is not None
    assert [period.start for period in result.effect.periods] == [DAYS[0], date(2024, 4, 1)]
    assert result.effect.volume == (3500.0, 3500.0)
    assert result.average is not None
    assert result.average.low <= 0.04 <= result.average.high


def test_each_campaign_has_an_effect_of_its_own() -> None:
    series = clicks(
        {
            ("men", "treatment"): 0.15,
            ("men", "control"): 0.05,
            ("women", "treatment"): 0.05,
            ("women", "control"): 0.05,
        }
    )
    interventions = [randomized("treatment", "men"), randomized("treatment", "women")]

    men, women = (
        estimate(
            kpi=MEAN,
            design=random_design(),
            interventions=interventions,
            series=series,
            units={unit},
        )
        for unit in ("men", "women")
    )

    assert (men.verdict, women.verdict) == ("confirmed", "inconclusive")


def test_a_leaking_split_costs_the_grade_and_says_so() -> None:
    series = clicks({("web", "treatment"): 0.12, ("web", "control"): 0.08}, drop=0.2)

    result = estimate(
        kpi=MEAN, design=random_design(), interventions=[randomized("treatment")], series=series
    )

    assert result.grade == "C"
    assert any("sample_ratio failed" in reason for reason in result.grade_reasons)


def unit_series(n_units: int, effect: float) -> tuple[Series, list[Assignment]]:
    rng = np.random.default_rng(5)
    rows: dict[Key, tuple[int, Decimal, Decimal]] = {}
    interventions = []
    for number in range(n_units):
        unit, is_treated = f"store{number:02d}", number % 2 == 0
        arm = "treatment" if is_treated else "holdout"
        interventions.append(randomized(arm, unit, "unit"))
        level = rng.normal(10, 1) + effect * is_treated
        for day in DAYS:
            value = Decimal(f"{rng.normal(level, 1):.3f}")
            rows[unit, "", "", day] = (1, value, value * value)
    return value_series(rows), interventions


def test_randomized_units_are_compared_as_clusters() -> None:
    series, interventions = unit_series(40, 3.0)

    result = estimate(
        kpi=MEAN, design=random_design("unit"), interventions=interventions, series=series
    )

    assert result.effect is not None
    assert (result.grade, result.effect.estimator) == ("A", "difference_in_means_by_unit")
    assert (result.effect.n_treated, result.effect.n_control) == (20, 20)
    assert result.average is not None
    assert result.average.low <= 3.0 <= result.average.high
    # 40 units of standard deviation 1, not 560 events, decide how sure one may be.
    assert result.average.standard_error == pytest.approx((2 / 20) ** 0.5, rel=0.3)


def test_units_that_went_missing_show_in_the_sample_ratio() -> None:
    series, interventions = unit_series(100, 0.0)
    lost = {f"store{number:02d}" for number in range(0, 60, 2)}
    seen = series.where(lambda key: key[0] not in lost)

    result = estimate(
        kpi=MEAN, design=random_design("unit"), interventions=interventions, series=seen
    )

    assert result.grade == "C"


@pytest.mark.parametrize(
    ("interventions", "changes", "verdict", "reason"),
    [
        ([], {}, "too_early", "no unit is assigned"),
        (["treatment"], {"events_min": 100_000}, "below_sample_floor", "7000 measurements with"),
        (
            ["treatment"],
            {"measured": Window(start=date(2024, 6, 1), end=date(2024, 7, 1))},
            "too_early",
            "nothing has been measured",
        ),
    ],
)
def test_refusals_have_a_reason_a_verdict_and_no_figure(
    interventions: Sequence[str], changes: dict[str, object], verdict: str, reason: str
) -> None:
    series = clicks({("web", "treatment"): 0.12, ("web", "control"): 0.08})

    result = estimate(
        kpi=MEAN,
        design=random_design().model_copy(update=changes),
        interventions=[randomized(arm) for arm in interventions],
        series=series,
    )

    assert result.verdict == verdict
    assert reason in str(result.refusal)
    assert (result.effect, result.total, result.average, result.grade) == (None,) * 4


def test_a_unit_in_both_arms_is_refused_where_units_were_randomized() -> None:
    series, interventions = unit_series(10, 0.0)

    result = estimate(
        kpi=MEAN,
        design=random_design("unit"),
        interventions=[*interventions, randomized("control", "store00", "unit")],
        series=series,
    )

    assert result.verdict == "unverifiable"
    assert "store00 is in treatment and in control" in str(result.refusal)


def test_self_selected_units_in_the_log_outweigh_a_plan_that_says_random() -> None:
    series, interventions = unit_series(10, 0.0)
    interventions[0] = replace(interventions[0], assignment="self_selected", randomized_by=None)

    result = estimate(
        kpi=MEAN, design=random_design("unit"), interventions=interventions, series=series
    )

    assert result.choice is not None
    assert result.choice.estimator != "difference_in_means_by_unit"


def store_months(
    effect: float, *, n_stores: int = 20, n_treated: int = 3
) -> tuple[Series, list[Assignment]]:
    """Let some of the stores go live together after two years; sales move with a common season."""
    rng = np.random.default_rng(6)
    level = 50 + 10 * rng.normal(size=n_stores)
    strength = rng.uniform(0.5, 1.5, n_stores)
    rows: dict[Key, tuple[Decimal, Decimal]] = {}
    for month in range(30):
        season = 5 * np.sin(2 * np.pi * month / 12) + 0.3 * month
        for store in range(n_stores):
            day = date(2022 + month // 12, month % 12 + 1, 10)
            is_treated = store < n_treated and month >= 24
            value = level[store] + strength[store] * season + effect * is_treated
            sales = Decimal(f"{100 * (value + rng.normal()):.2f}")
            rows[f"store{store:02d}", "", "", day] = (sales, Decimal(100))
    go_live = [phased(f"store{store:02d}", date(2024, 1, 1)) for store in range(n_treated)]
    return rate_series(rows), go_live


def stores_design(*, events_min: int) -> Design:
    return Design(
        key="stores",
        kpis=("downtime",),
        assignment="phased",
        baseline=Window(start=date(2022, 1, 1), end=date(2024, 1, 1)),
        events_min=events_min,
    )


def read_stores(series: Series, go_live: list[Assignment], *, events_min: int) -> Estimate:
    """Estimate what months of stores say of a rollout in 2024."""
    return estimate(
        kpi=RATE,
        design=stores_design(events_min=events_min),
        interventions=go_live,
        series=series,
        baseline_series=before_2024(series),
    )


def test_few_units_that_went_live_together_are_read_by_synthetic_difference() -> None:
    series, go_live = store_months(-6.0)

    result = read_stores(series, go_live, events_min=10)

    assert result.effect is not None
    assert result.effect.estimator == "synthetic_difference_in_differences"
    assert (result.effect.n_treated, result.verdict) == (3, "confirmed")
    assert result.average is not None
    assert result.average.low <= -6.0 <= result.average.high
    # Levels differ in how strongly they move, so plain differences may drift: the check says so.
    names = {check.name for check in result.checks}
    assert names >= {"placebo_in_space", "leave_one_donor_out", "weight_concentration", "agreement"}
    assert result.grade == ("C" if any(c.status == "failed" for c in result.checks) else "B")


def test_one_unit_beside_few_is_read_over_time() -> None:
    series, go_live = store_months(-6.0, n_stores=7, n_treated=1)

    result = read_stores(series, go_live, events_min=5)

    assert result.effect is not None
    assert result.effect.estimator == "conformal_synthetic_control"
    assert (result.effect.n_control, result.grade) == (6, "C")
    assert result.average is not None
    assert result.average.low <= -6.0 <= result.average.high
    assert {check.name for check in result.checks} >= {"conformal", "agreement"}


def test_units_that_rest_more_often_than_others_are_no_missing_data() -> None:
    rng = np.random.default_rng(8)
    first, go_live = date(2023, 1, 1), date(2024, 1, 1)
    rows: dict[Key, tuple[Decimal, Decimal]] = {}
    for number in range(8):
        is_treated = number < 6
        for step in range(0, 365 + 91, 2 if is_treated else 1):
            value = Decimal(f"{rng.normal(10, 1):.3f}")
            rows[f"line{number}", "", "", first + timedelta(days=step)] = (value, Decimal(1))
    series = rate_series(rows)

    result = estimate(
        kpi=RATE,
        design=Design(
            key="x", kpis=("downtime",), assignment="phased", estimator="difference_in_differences"
        ),
        interventions=[phased(f"line{number}", go_live) for number in range(6)],
        series=series,
    )

    [found] = [check for check in result.checks if check.name == "missing_data"]
    # Every second day before as after; the others every day before as after.
    assert found.detail == (
        "measured on treated units 50% before and 50% with the AI, on others 100% and 100%"
    )
    assert found.status == "passed"


def test_treated_units_of_unequal_volume_are_read_by_as_many_as_count() -> None:
    series, go_live = store_months(-6.0)
    # The first of three stores has ten times the volume of the others.
    large = rate_series(
        {
            (unit, "", "", day): (y * 10, x * 10) if unit == "store00" else (y, x)
            for unit, day, y, x in zip(
                series.unit, series.day, series.numerator, series.denominator, strict=True
            )
        }
    )
    material = gather(
        kpi=RATE,
        design=stores_design(events_min=10),
        interventions=go_live,
        series=large,
        baseline_series=None,
        units=None,
    )

    with_ai, without = material.cells(material.with_ai), material.cells(material.without_ai)
    block = block_of(with_ai, without, periods=material.periods)
    mixed = read_mix(material, stores_design(events_min=10)).effect
    one = synthetic_difference_effect(
        synthetic_difference_in_differences(block.treated[None], block.donors, block.n_before),
        block.observed,
        block.volume,
        periods=block.periods,
    )

    # 1 / (10^2 + 1 + 1) of 12^2: 1.41 stores, neither one nor three.
    assert block.n_alike == pytest.approx(144 / 102)
    assert mixed.n_treated == 3
    narrower = average(mixed).standard_error / average(one).standard_error
    assert narrower == pytest.approx(block.n_alike**-0.5, rel=0.05)

    by_level = read_one_mix(material, stores_design(events_min=10)).effect
    one = synthetic_control_effect(
        synthetic_control(block.treated, block.donors, block.n_before),
        block.observed,
        block.volume,
        periods=block.periods,
    )
    assert by_level.n_treated == 3
    narrower = average(by_level).standard_error / average(one).standard_error
    assert narrower == pytest.approx(block.n_alike**-0.5, rel=0.2)


def test_treated_units_that_vary_twice_as_much_are_found_out_by_their_mean_too() -> None:
    rng = np.random.default_rng(9)
    n_treated, n_donors, n_before = 4, 20, 60
    treated = 2 * rng.normal(size=(n_treated, n_before + 6))
    donors = rng.normal(size=(n_donors, n_before + 6))
    y = np.vstack([treated, donors])
    on = np.zeros(y.shape, bool)
    on[:n_treated, n_before + 3 :] = True
    with_ai, without = (
        Cells(n=each, y=y * each, x=each, yy=0 * y, xx=0 * y, xy=0 * y)
        for each in (on.astype(float), (~on).astype(float))
    )
    periods = months_between(date(2018, 1, 1), date(2023, 7, 1))
    block = block_of(with_ai, without, periods=periods)

    _, doubts = read_synthetic_difference(block, confidence=0.95)

    [found] = [check for check in doubts() if check.name == "unequal_scatter"]
    ratio = float(found.detail.split("treated units vary ")[1].split()[0])
    # Their mean alone varies as a donor does: four units, each twice as much, over four.
    assert ratio == pytest.approx(2.0, abs=0.4)


def test_a_unit_that_went_live_and_was_never_measured_moves_no_go_live() -> None:
    series, go_live = store_months(-6.0)
    unseen = phased("store99", date(2022, 2, 1))

    alone, beside = (
        read_stores(series, rollout, events_min=10) for rollout in (go_live, [*go_live, unseen])
    )

    assert beside == alone
