"""What a new version changed: only where both versions decided."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.decisions.versions import (
    Floats,
    VersionStatistics,
    value_per_decision,
    version_difference,
)
from aivalue.errors import NotEstimable


def statistics(version: str, strata: list[Floats]) -> VersionStatistics:
    return VersionStatistics(
        version=version,
        n=np.array([float(len(part)) for part in strata]),
        total=np.array([part.sum() for part in strata]),
        squares=np.array(
            [float(((part - part.mean()) ** 2).sum()) if len(part) else 0.0 for part in strata]
        ),
    )


def test_one_period_is_welchs_test() -> None:
    # Means 5 and 3; variances 5/3 and 1 over 4 and 3: standard error sqrt(5/12 + 1/3).
    newer = statistics("2", [np.array([3.5, 4.5, 5.5, 6.5])])
    older = statistics("1", [np.array([2.0, 3.0, 4.0])])

    found = version_difference(newer, older)

    assert found.difference.point == pytest.approx(2)
    assert found.difference.standard_error == pytest.approx((5 / 12 + 1 / 3) ** 0.5)
    # Welch-Satterthwaite: 0.75^2 / ((5/12)^2 / 3 + (1/3)^2 / 2) = 4.959; t = 2.5778.
    width = (found.difference.high - found.difference.point) / found.difference.standard_error
    assert width == pytest.approx(2.5778, abs=1e-3)


def test_a_season_is_not_what_the_new_version_did() -> None:
    # The second month is worth 10 more to everybody; the new version decided mostly there.
    rng = np.random.default_rng(1)
    older = statistics("1", [rng.normal(0, 1, 900), rng.normal(10, 1, 100)])
    newer = statistics("2", [rng.normal(0, 1, 100), rng.normal(10, 1, 900)])

    found = version_difference(newer, older)
    apart = value_per_decision(newer).point - value_per_decision(older).point

    assert apart > 7
    assert found.difference.low < 0 < found.difference.high


def test_periods_with_one_version_are_left_out_and_said_so() -> None:
    rng = np.random.default_rng(2)
    older = statistics("1", [rng.normal(0, 1, 50), rng.normal(0, 1, 50), rng.normal(0, 1, 0)])
    newer = statistics("2", [rng.normal(0, 1, 0), rng.normal(1, 1, 25), rng.normal(1, 1, 75)])

    found = version_difference(newer, older)

    assert found.share_compared == pytest.approx(0.25)
    assert (found.newer, found.older) == ("2", "1")


@given(shift=st.floats(-100, 100), factor=st.floats(0.01, 100))
@settings(max_examples=20)
def test_a_shift_changes_no_difference_and_units_rescale_it(shift: float, factor: float) -> None:
    rng = np.random.default_rng(3)
    parts = [[rng.normal(size=20) for _ in range(3)] for _ in range(2)]
    plain = version_difference(statistics("2", parts[0]), statistics("1", parts[1])).difference

    moved = [[factor * cell + shift for cell in part] for part in parts]
    other = version_difference(statistics("2", moved[0]), statistics("1", moved[1])).difference

    assert other.low == pytest.approx(factor * plain.low, abs=1e-8)
    assert other.high == pytest.approx(factor * plain.high, abs=1e-8)


def test_interval_covers_the_difference() -> None:
    # 1,000 draws put the Monte Carlo error near 0.7 points.
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(1_000):
        older = statistics("1", [rng.exponential(2, 80), rng.exponential(4, 40)])
        newer = statistics("2", [1 + rng.exponential(2, 30), 1 + rng.exponential(4, 60)])
        found = version_difference(newer, older).difference
        hits += found.low <= 1 <= found.high

    assert 0.93 <= hits / 1_000 <= 0.97


def test_splitting_a_period_leaves_the_mean_unchanged() -> None:
    values = np.random.default_rng(5).normal(size=60)

    whole = value_per_decision(statistics("1", [values]))
    split = value_per_decision(statistics("1", [values[:20], values[20:]]))

    assert split.point == pytest.approx(whole.point)
    assert split.standard_error == pytest.approx(whole.standard_error)


def test_refuses_versions_that_never_met() -> None:
    nothing, some = np.zeros(0), np.arange(5.0)

    with pytest.raises(NotEstimable, match="never decided in the same period"):
        version_difference(statistics("2", [nothing, some]), statistics("1", [some, nothing]))
    with pytest.raises(NotEstimable, match="nothing varies"):
        version_difference(statistics("2", [np.ones(5)]), statistics("1", [np.ones(5)]))
    with pytest.raises(NotEstimable, match="version 2 took 1 decisions"):
        value_per_decision(statistics("2", [np.ones(1)]))


def test_a_version_whose_decisions_all_brought_the_same_has_no_interval() -> None:
    with pytest.raises(
        NotEstimable, match="all 3 decisions of version 2 brought 0: nothing varies"
    ):
        value_per_decision(statistics("2", [np.zeros(3)]))
