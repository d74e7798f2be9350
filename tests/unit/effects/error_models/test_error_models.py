"""Whether series whose errors remember get intervals that know it, and calendars their seasons."""

from datetime import date, timedelta

import numpy as np
import pytest

from aivalue.effects.error_models.memory_bootstrap import remembered
from aivalue.effects.estimators.interrupted_time_series import (
    Errors,
    Interrupted,
    interrupted_time_series,
)
from aivalue.effects.front_door.calendar import calendar_of
from aivalue.effects.front_door.table import days_from
from aivalue.effects.functional import average
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable


def remembering(rng: np.random.Generator, correlation: float, n: int = 100) -> Floats:
    noise = rng.normal(size=n)
    for at in range(1, n):
        noise[at] = correlation * noise[at - 1] + (1 - correlation**2) ** 0.5 * noise[at]
    return noise


def series(outcome: Floats, n_before: int = 75, **rest: object) -> Interrupted:
    after = (np.arange(len(outcome)) >= n_before).astype(float)
    return Interrupted(
        periods=days_from(1),
        outcome=outcome,
        position=np.arange(len(outcome), dtype=float),
        with_ai=after[:, None],
        controls=np.empty((len(outcome), 0)),
        volume=np.array([after.sum()]),
        **rest,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9])
def test_simulated_t_rejects_as_rarely_as_it_claims(correlation: float) -> None:
    # 150 draws put the Monte Carlo error near 1.8 points; least squares rejects 5, 34 and 67 %.
    rng = np.random.default_rng(1)
    rejected = 0
    for _ in range(150):
        figure = average(
            interrupted_time_series(series(remembering(rng, correlation)), errors="bootstrap")
        )
        rejected += not figure.low <= 0 <= figure.high

    assert rejected / 150 <= 0.10


def test_a_wandering_level_covers_where_one_that_stands_does_not() -> None:
    # 150 draws: 1.8 points. A level that walks a third of the noise per step.
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(150):
        outcome = rng.normal(size=100) + 0.3 * rng.normal(size=100).cumsum()
        figure = average(interrupted_time_series(series(outcome), errors="local_level"))
        hits += figure.low <= 0 <= figure.high

    assert hits / 150 >= 0.90


def test_the_correlation_is_corrected_for_what_fitting_took() -> None:
    rng = np.random.default_rng(3)
    n = 60
    regressors = np.column_stack([np.ones(n), np.arange(n), np.arange(n) >= 45]).astype(float)
    weights = np.array([0.0, 0.0, 1.0])

    found = [
        remembered(remembering(rng, 0.6, n), regressors, weights, n_simulated=19).correlation
        for _ in range(200)
    ]

    # Uncorrected it is .47 on average; the standard error of 200 is .01.
    assert np.mean(found) == pytest.approx(0.6, abs=0.04)


def test_the_same_series_gives_the_same_bytes() -> None:
    one = series(remembering(np.random.default_rng(4), 0.5))

    first, second = (interrupted_time_series(one, errors="bootstrap") for _ in range(2))

    assert repr(first) == repr(second)


@pytest.mark.parametrize("errors", ["averaged", "bootstrap", "local_level"])
def test_a_holiday_has_a_level_of_its_own(errors: Errors) -> None:
    rng = np.random.default_rng(5)
    holiday = np.zeros(100)
    holiday[[20, 50, 80, 81, 82]] = 1.0
    outcome = rng.normal(size=100) - 30 * holiday

    naive = average(interrupted_time_series(series(outcome), errors=errors))
    found = average(
        interrupted_time_series(series(outcome, holidays=holiday[:, None]), errors=errors)
    )

    assert found.low <= 0 <= found.high
    assert found.standard_error < 0.5 * naive.standard_error


def test_a_gap_is_refused_by_the_simulation_alone() -> None:
    one = series(remembering(np.random.default_rng(6), 0.5))
    gapped = Interrupted(
        periods=one.periods,
        outcome=one.outcome,
        position=one.position + (one.position > 30),
        with_ai=one.with_ai,
        controls=one.controls,
        volume=one.volume,
    )

    interrupted_time_series(gapped, errors="local_level")
    with pytest.raises(NotEstimable, match="gaps"):
        interrupted_time_series(gapped, errors="bootstrap")


def days(n: int, step: int) -> list[str]:
    return [(date(2023, 1, 2) + timedelta(days=at * step)).isoformat() for at in range(n)]


def month_ends(n: int) -> list[str]:
    firsts = [date(2023 + (at + 4) // 12, (at + 4) % 12 + 1, 1) for at in range(n)]
    return [(first - timedelta(days=1)).isoformat() for first in firsts]


@pytest.mark.parametrize(
    ("times", "n_before", "cycles"),
    [
        (days(60, 1), 40, (7.0,)),
        (days(60, 1), 20, ()),
        (days(800, 1), 760, (7.0, 365.25, 365.25 / 2)),
        (days(80, 7), 60, (365.25 / 7,)),
        ([f"{2018 + at // 12}-{at % 12 + 1:02d}-01" for at in range(48)], 40, (12.0,)),
        ([str(at) for at in range(50)], 40, ()),
        # Months, quarters and half years by name, by first and by last day; midnights.
        ([f"{2018 + at // 12}-{at % 12 + 1:02d}" for at in range(48)], 40, (12.0,)),
        ([f"{2010 + at // 4}Q{at % 4 + 1}" for at in range(48)], 40, (4.0,)),
        ([f"{2010 + at // 4}-{at % 4 * 3 + 1:02d}-01" for at in range(48)], 11, ()),
        ([f"{2010 + at // 4}-{at % 4 * 3 + 1:02d}-01" for at in range(48)], 12, (4.0,)),
        ([f"{2010 + at // 2}-{at % 2 * 6 + 1:02d}-01" for at in range(48)], 40, (2.0,)),
        ([f"{2010 + at}-01-01" for at in range(48)], 40, ()),
        (["2023-01-31", "2023-02-28", "2023-03-31", *month_ends(37)], 40, (12.0,)),
        ([f"{day} 00:00:00" for day in days(60, 1)], 40, (7.0,)),
        ([f"{day}T06:00:00" for day in days(60, 1)], 40, ()),
    ],
)
def test_seasons_are_those_that_the_history_can_show(
    times: list[str], n_before: int, cycles: tuple[float, ...]
) -> None:
    found = calendar_of(times, np.arange(len(times)))

    assert found.cycles(n_before) == pytest.approx(cycles)


def test_holidays_fall_into_their_week() -> None:
    found = calendar_of(days(10, 7), np.arange(10), holidays=["2023-01-06", "2023-01-17"])

    assert found.holidays is not None
    assert found.holidays[:, 0] == pytest.approx([1 / 7, 0, 1 / 7, 0, 0, 0, 0, 0, 0, 0])
    assert found.position == pytest.approx(np.arange(10))


def test_a_holiday_falls_into_the_months_that_its_label_stands_for() -> None:
    holiday = ["2023-02-14"]
    by_first = calendar_of(["2023-01-01", "2023-04-01"], np.arange(2), holidays=holiday)
    by_last = calendar_of(["2023-03-31", "2023-06-30"], np.arange(2), holidays=holiday)

    for found in (by_first, by_last):
        assert found.holidays is not None
        assert found.holidays[:, 0] == pytest.approx([1 / 90, 0])
        assert found.position.tolist() == [0, 1]


def test_holidays_need_dates() -> None:
    with pytest.raises(NotEstimable, match="need times that are dates"):
        calendar_of(["1", "2"], np.arange(2), holidays=["2023-01-06"])
