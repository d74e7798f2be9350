"""Whether tables as people have them are read for what they are, or refused by name."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from aivalue.effects.front_door.estimate_panel import estimate_panel
from aivalue.effects.front_door.ran import Options
from aivalue.effects.front_door.segments import held_series
from aivalue.effects.front_door.table import PanelTable
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable


def panel(outcome: Floats, start: int, *, n_treated: int = 1) -> PanelTable:
    n_units, n_times = outcome.shape
    treated = (np.arange(n_units)[:, None] < n_treated) & (np.arange(n_times) >= start)
    return PanelTable(
        unit=[f"u{unit:02d}" for unit in range(n_units) for _ in range(n_times)],
        time=[str(time) for _ in range(n_units) for time in range(n_times)],
        outcome=outcome.ravel(),
        treated=treated.ravel(),
        covariates=np.empty((outcome.size, 0)),
    )


def donors() -> Floats:
    rng = np.random.default_rng(0)
    levels: Floats = 20 + rng.normal(size=(14, 1)) + 0.5 * rng.normal(size=(14, 24))
    return levels


def series(days: list[date], controls: Floats | None = None) -> PanelTable:
    rng = np.random.default_rng(2)
    weekday = np.array([day.weekday() for day in days])
    return PanelTable(
        unit=["site"] * len(days),
        time=[day.isoformat() for day in days],
        outcome=50 + 3.0 * weekday + rng.normal(size=len(days)),
        treated=np.arange(len(days)) >= len(days) - 30,
        covariates=np.empty((len(days), 0)) if controls is None else controls,
    )


def days_from(start: date, n: int) -> list[date]:
    return [start + timedelta(days=at) for at in range(n)]


def subjects(**more: Any) -> PanelTable:
    rng = np.random.default_rng(5)
    n = 60
    columns: dict[str, Any] = {
        "unit": [f"s{row:02d}" for row in range(n)],
        "time": ["0"] * n,
        "outcome": rng.normal(size=n),
        "treated": np.arange(n) % 2 == 0,
        "covariates": np.empty((n, 0)),
    }
    return PanelTable(**{**columns, **more})


def test_a_mix_that_was_never_like_the_treated_contradicts_nobody() -> None:
    # The treated unit stands fifteen below all donors and does not change.
    outcome = donors()
    outcome[0] -= 15

    found = estimate_panel(panel(outcome, start=18))

    # Before, synthetic control's gap of levels, -15, was published as a loss beyond doubt.
    assert found.effect.estimator == "synthetic_difference_in_differences"
    assert found.verdict == "inconclusive"
    why_not = {each.estimator: each.why_not for each in found.choice.alternatives}
    assert "no mix of donors is like the treated" in why_not["synthetic_control"]
    forced = estimate_panel(panel(outcome, start=18), estimator="synthetic_control")
    assert "convex_hull" in {each.name for each in forced.checks if each.status == "failed"}


@pytest.mark.parametrize("estimator", ["sdid", "sc", "ascm", "imputation"])
def test_a_panel_in_which_nothing_varies_is_refused(estimator: str) -> None:
    with pytest.raises(NotEstimable, match=r"nothing varies|do not vary|do not differ"):
        estimate_panel(panel(np.full((14, 24), 5.0), start=18), estimator=estimator)


def test_a_series_of_working_days_has_its_week() -> None:
    days = [day for day in days_from(date(2024, 1, 1), 140) if day.weekday() < 5]

    found = estimate_panel(series(days))

    # A week of 3 a day would scatter by 4; what is left is noise of 1.
    assert found.figure.standard_error < 0.5
    assert found.verdict == "inconclusive"


@pytest.mark.parametrize(
    ("controls", "reason"),
    [
        (np.where(np.arange(100) == 3, np.nan, np.arange(100.0)), "z has no value at 2024-01-04"),
        (np.full(100, 7.0), "z is always 7"),
        (np.column_stack([np.arange(100.0)] * 2), "control 1 repeats|x repeats the others"),
    ],
)
def test_a_control_series_that_says_nothing_is_refused_by_name(
    controls: Floats, reason: str
) -> None:
    columns = controls.reshape(100, -1)
    table = series(days_from(date(2024, 1, 1), 100), columns)

    with pytest.raises(NotEstimable, match=reason):
        estimate_panel(table, options=Options(names=("z", "x")[: columns.shape[1]]))


def test_a_ratio_is_adjusted_by_its_own_past() -> None:
    rng = np.random.default_rng(6)
    sessions = rng.integers(1, 9, (2, 60)).astype(float)
    orders = rng.binomial(sessions.astype(int), 0.3).astype(float)
    table = subjects(
        outcome=orders[1], denominator=sessions[1], covariates=np.stack([orders[0], sessions[0]], 1)
    )

    assert estimate_panel(table).effect.estimator == "cuped"
    one = subjects(outcome=orders[1], denominator=sessions[1], covariates=orders[0][:, None])
    found = estimate_panel(one)
    assert found.effect.estimator == "difference_in_means"
    assert found.unused == ("covariates: difference_in_means does not adjust for them",)


def test_who_got_the_ai_is_not_known_before() -> None:
    table = subjects(covariates=(np.arange(60) % 2 == 0).astype(float)[:, None])

    with pytest.raises(NotEstimable, match="z is 1 for all with the AI and 0 for all others"):
        estimate_panel(table, options=Options(names=("z",)))


@pytest.mark.parametrize("estimator", ["cuped", "regression_adjustment"])
def test_an_adjustment_that_was_asked_for_needs_something_to_adjust_by(estimator: str) -> None:
    with pytest.raises(NotEstimable, match="needs 1, and none was given"):
        estimate_panel(subjects(), estimator=estimator)


def test_the_plain_difference_stays_plain_where_it_is_asked_for() -> None:
    before = np.random.default_rng(7).normal(size=(60, 1))

    plain = estimate_panel(subjects())
    found = estimate_panel(subjects(covariates=before), estimator="difference_in_means")

    assert found.figure == plain.figure
    assert found.unused == ("covariates: difference_in_means does not adjust for them",)


def test_clusters_that_an_experiment_knows_are_not_called_unused() -> None:
    found = estimate_panel(subjects(cluster=[f"c{row // 4}" for row in range(60)]))

    assert found.effect.estimator == "cluster_randomized"
    assert found.unused == ()


def test_cohorts_too_small_for_covariates_are_read_without_and_it_is_said() -> None:
    rng = np.random.default_rng(3)
    start = np.array([8, 8, 11, 11, *[16] * 16])
    outcome = rng.normal(size=(20, 1)) + rng.normal(size=(20, 16))
    table = PanelTable(
        unit=[f"u{unit:02d}" for unit in range(20) for _ in range(16)],
        time=[str(time) for _ in range(20) for time in range(16)],
        outcome=outcome.ravel(),
        treated=(np.arange(16) >= start[:, None]).ravel(),
        covariates=np.repeat(rng.normal(size=20), 16)[:, None],
    )

    found = estimate_panel(table, options=Options(names=("size",)))

    assert found.effect.estimator == "imputation"
    assert found.unused == ("size: imputation does not adjust for them",)
    why_not = {each.estimator: each.why_not for each in found.choice.alternatives}
    assert why_not["callaway_santanna"] == (
        "2 units in the smallest cohort, needs 7 to adjust for 1 covariates"
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(share_treated=0.5), "a planned share of 0.5"),
        (Options(planned_subjects=4000), "planned subjects of 4000"),
        (Options(expected_size=0.2), "an expected size of 0.2"),
        (Options(seasons=(7.0,)), "seasons and holidays"),
        (Options(holidays=("2024-12-25",)), "seasons and holidays"),
    ],
)
def test_an_option_of_no_use_is_said(options: Options, words: str) -> None:
    unused = estimate_panel(panel(donors(), start=18), options=options).unused

    assert [each.startswith(words) for each in unused] == [True]


def test_a_holiday_on_no_day_of_the_table_is_said() -> None:
    table = series(days_from(date(2024, 1, 1), 100))

    found = estimate_panel(table, options=Options(holidays=("2024-02-01", "2031-12-25")))

    assert found.unused == ("holidays: no time of the table has 2031-12-25",)


def test_a_volume_below_zero_is_refused_with_its_place() -> None:
    table = PanelTable(
        unit=["a"] * 4,
        time=["1", "1", "2", "2"],
        outcome=np.ones(4),
        treated=np.array([False, False, True, True]),
        covariates=np.empty((4, 0)),
        denominator=np.array([1.0, -3.0, 1.0, 1.0]),
    )

    with pytest.raises(NotEstimable, match="time 1, segment hard: the volume is -3"):
        held_series(table, ["easy", "hard", "easy", "hard"])
