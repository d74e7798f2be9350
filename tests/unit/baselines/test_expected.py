"""Expectations continue what the history shows, and their intervals hold what they promise."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pytest

from aivalue.baselines.expected import Expectation, expected_levels
from aivalue.errors import NotFreezable
from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import COLUMNS, Series, series_from_columns

START = date(2022, 1, 3)  # a Monday
KPI = Kpi(key="k", process="p", name="K", unit="x", better_when="lower", aggregation="mean")


def series_of(values: list[float]) -> Series:
    n = len(values)
    cells: dict[str, list[object]] = {name: ["0"] * n for name in COLUMNS}
    amounts = [f"{value:.9f}" for value in values]
    return series_from_columns(
        "k",
        cells
        | {
            "unit": ["a"] * n,
            "segment": [""] * n,
            "arm": [""] * n,
            "day": [(START + timedelta(days=day)).isoformat() for day in range(n)],
            "n": [1] * n,
            "sum": amounts,
            "minimum": amounts,
            "maximum": amounts,
        },
    )


def expected(
    shape: Callable[[int], float], *, n_days: int, ahead: int, noise: list[float] | None = None
) -> Expectation:
    noise = noise or [0.0] * n_days
    values = [shape(day) + noise[day] for day in range(n_days)]
    days = [START + timedelta(days=n_days + day) for day in range(ahead)]
    return expected_levels(series_of(values), kpi=KPI, days=days)


def test_a_week_goes_on() -> None:
    found = expected(lambda day: 10.0 + (day % 7), n_days=56, ahead=14)

    assert [each.level for each in found.days] == pytest.approx(
        [10.0 + day % 7 for day in range(14)]
    )


def test_trend_and_season_go_on() -> None:
    def shape(day: int) -> float:
        year = day / 365.25
        return 50.0 + 4.0 * year + 6.0 * float(np.sin(2 * np.pi * year))

    found = expected(shape, n_days=731, ahead=90)

    assert [each.level for each in found.days] == pytest.approx(
        [shape(731 + day) for day in range(90)], rel=1e-6
    )


def test_a_short_history_has_no_trend_to_run_away_with() -> None:
    found = expected(lambda day: 10.0 + day / 60, n_days=60, ahead=365)

    assert found.mean == pytest.approx(10.5, abs=0.2)


def test_days_fall_inside_their_interval_as_often_as_promised() -> None:
    # 300 histories of half a year with autocorrelation .4, the mean of the next 28 days: 95 %
    # nominal, 92 % leaves two Monte Carlo errors of 1.3 points and the estimated noise.
    rng = np.random.default_rng(3)
    days_inside, means_inside = [], []
    for _ in range(300):
        noise = rng.standard_normal(210)
        for day in range(1, 210):
            noise[day] = 0.4 * noise[day - 1] + noise[day]
        found = expected(lambda _: 20.0, n_days=182, ahead=28, noise=list(noise[:182]))
        actual = 20.0 + noise[182:]
        days_inside += [
            each.low <= value <= each.high for each, value in zip(found.days, actual, strict=True)
        ]
        means_inside.append(found.mean_low <= actual.mean() <= found.mean_high)

    assert 0.93 <= np.mean(days_inside) <= 0.98
    assert 0.92 <= np.mean(means_inside) <= 0.99


def test_the_backtest_says_how_far_off_it_would_have_been() -> None:
    rng = np.random.default_rng(5)
    noise = list(rng.standard_normal(365))

    found = expected(lambda _: 20.0, n_days=365, ahead=7, noise=noise)

    # The mean absolute value of a standard normal is 0.8, 4 % of 20.
    assert found.backtest_error == pytest.approx(0.04, abs=0.01)
    assert found.backtest_inside == pytest.approx(0.95, abs=0.05)


def test_too_little_history_is_refused() -> None:
    with pytest.raises(NotFreezable, match="28 measured days and a day to predict, got 20 and 7"):
        expected(lambda _: 1.0, n_days=20, ahead=7)
