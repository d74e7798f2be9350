"""Whether the permutation interval is exact, agrees with its p-value, and refuses what it must."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.effects.permutation import permutation_interval
from aivalue.errors import NotEstimable


def test_fishers_tea() -> None:
    # Eight cups, four with milk first, all found: 1 of 70 assignments, and its reverse.
    found = permutation_interval(np.ones(4), np.zeros(4))

    assert found.n_assignments == 70
    assert found.p_value == pytest.approx(2 / 70)


@given(seed=st.integers(0, 500), n_treated=st.integers(1, 3), shift=st.integers(-3, 3))
def test_interval_excludes_zero_exactly_when_the_test_rejects(
    seed: int, n_treated: int, shift: int
) -> None:
    rng = np.random.default_rng(seed)

    found = permutation_interval(rng.normal(shift, 1, n_treated), rng.normal(size=24))

    assert (found.p_value > 0.05) == (found.low <= 0 <= found.high)
    assert found.low <= found.point <= found.high


def test_the_inversion_is_that_of_every_hypothesis() -> None:
    rng = np.random.default_rng(1)
    treated, control = rng.normal(1, 1, 2), rng.normal(size=8)
    found = permutation_interval(treated, control, confidence=0.9)

    just_inside, just_outside = (
        permutation_interval(treated - effect, control, confidence=0.9).p_value
        for effect in (found.high - 1e-6, found.high + 1e-6)
    )

    assert just_inside > 0.1
    assert just_outside <= 0.1


@pytest.mark.parametrize("n_treated", [1, 2, 3])
def test_interval_covers_as_often_as_it_claims(n_treated: int) -> None:
    # Exact whatever the distribution; 400 draws put the Monte Carlo error near 1.1 points.
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        found = permutation_interval(
            rng.standard_t(3, n_treated), rng.standard_t(3, 40 - n_treated)
        )
        hits += found.low <= 0 <= found.high

    assert 0.92 <= hits / 400 <= 0.99


@given(shift=st.floats(-100, 100), scale=st.floats(0.01, 100))
def test_shift_cancels_and_scale_scales(shift: float, scale: float) -> None:
    rng = np.random.default_rng(3)
    treated, control = rng.normal(size=2), rng.normal(size=12)
    plain = permutation_interval(treated, control)

    moved = permutation_interval(treated * scale + shift, control * scale + shift)

    assert moved.low == pytest.approx(plain.low * scale, rel=1e-6, abs=1e-6 * scale)


@pytest.mark.parametrize(
    ("n_treated", "n_control", "reason"),
    [(1, 10, "11 assignments cannot give 95%"), (10, 30, "cannot all be counted")],
)
def test_refuses_too_few_or_too_many_assignments(
    n_treated: int, n_control: int, reason: str
) -> None:
    rng = np.random.default_rng(4)

    with pytest.raises(NotEstimable, match=reason):
        permutation_interval(rng.normal(size=n_treated), rng.normal(size=n_control))
