"""Whether every panel estimator is doubted by its own go-live that never was."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.design import Assignment
from aivalue.effects.estimate import estimate
from aivalue.kpis.definition import Design, Window
from aivalue.kpis.plan import Estimator
from aivalue.kpis.series import Series
from tests.unit.effects.builders import RATE, Key, rate_series

N_UNITS, N_MONTHS, GO_LIVE = 24, 30, 24
TREATED = 4
ON_PANELS: tuple[Estimator, ...] = (
    "synthetic_difference_in_differences",
    "synthetic_control",
    "difference_in_differences",
)


def month(number: int) -> date:
    return date(2022 + number // 12, number % 12 + 1, 1)


def world(
    seed: int, *, early: float = 0.0, first: int = 0, outside: float = 0.0
) -> tuple[Series, list[Assignment]]:
    """Let four units go live after two years; `early` is what moved them two quarters before.

    Months of the placebo are 18 to 20; `first` is the first month that is measured; `outside`
    lifts the treated above all others.
    """
    rng = np.random.default_rng(seed)
    level = 50 + 10 * rng.normal(size=N_UNITS)
    level[:TREATED] = 50 + outside
    rows: dict[Key, tuple[Decimal, Decimal]] = {}
    for number in range(first, N_MONTHS):
        season = 5 * np.sin(2 * np.pi * number / 12)
        for unit in range(N_UNITS):
            value = level[unit] + season + rng.normal()
            value += early * (unit < TREATED and 18 <= number <= 20)
            minutes = Decimal(f"{50 * value:.3f}")
            for day in (1, 28):
                rows[f"u{unit:02}", "", "", month(number).replace(day=day)] = minutes, Decimal(50)
    rollout = [
        Assignment(
            unit=f"u{unit:02}",
            arm="treatment",
            start=month(GO_LIVE),
            end=None,
            assignment="phased",
            randomized_by=None,
        )
        for unit in range(TREATED)
    ]
    return rate_series(rows), rollout


def checks(series: Series, rollout: list[Assignment], name: Estimator) -> dict[str, CheckResult]:
    design = Design(
        key="x",
        kpis=("downtime",),
        assignment="phased",
        baseline=Window(start=date(2022, 1, 1), end=month(GO_LIVE)),
        events_min=1,
        estimator=name,
        approver="Finance",
    )
    found = estimate(kpi=RATE, design=design, interventions=rollout, series=series)
    assert found.effect is not None, found.refusal
    return {check.name: check for check in found.checks}


@pytest.mark.parametrize("name", ON_PANELS)
def test_what_moved_before_any_ai_is_found(name: Estimator) -> None:
    quiet = checks(*world(1), name)["placebo_in_time"]
    moved = checks(*world(1, early=8.0), name)["placebo_in_time"]

    assert quiet.status == "passed", quiet
    assert moved.status == "failed", moved
    assert "over the last 3 periods before go-live" in moved.detail


@pytest.mark.parametrize("name", ["difference_in_differences"])
def test_a_short_history_is_said_to_be_too_short(name: Estimator) -> None:
    found = checks(*world(1, first=14), name)["placebo_in_time"]

    assert found.status == "not_applicable"
    assert "fewer than 12 months before the first go-live" in found.detail


def test_a_synthetic_control_speaks_up_where_donors_reach_as_far() -> None:
    within = checks(*world(2), "synthetic_difference_in_differences")["agreement"]
    beyond = checks(*world(2, outside=60.0), "synthetic_difference_in_differences")["agreement"]

    assert "synthetic_control " in within.detail
    assert "synthetic_control " not in beyond.detail
    assert within.status == beyond.status == "passed"
