"""Whether prediction bands are the reference's, are exact at their ends, and hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.effects.donor_weights.restricted_moves import RestrictedMoves
from aivalue.effects.estimators.prediction_band import PredictionBand, prediction_band
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

SEED = 7
CLOSE = 1e-6  # Faces are followed until a step is met to 1e-7.
N_BEFORE = 40


def panel(seed: int, *, n_after: int = 1) -> tuple[Floats, Floats]:
    """Draw eight donors that share a wandering level, and a unit that mixes three of them."""
    source = np.random.default_rng(seed)
    n = N_BEFORE + n_after
    shared = np.cumsum(source.standard_normal(n)) * 0.3
    donors = (
        10 + source.standard_normal((8, 1)) + shared * source.uniform(0.5, 1.5, (8, 1))
    ) + source.standard_normal((8, n))
    weights = np.array([0.5, 0.3, 0.2, 0, 0, 0, 0, 0])
    return weights @ donors + 0.5 * source.standard_normal(n), donors


def band(treated: Floats, donors: Floats, *, draws: int = 60) -> PredictionBand:
    return prediction_band(treated, donors, N_BEFORE, rng=np.random.default_rng(SEED), draws=draws)


def test_without_bounds_the_extremes_have_a_closed_form() -> None:
    # Far from all bounds: x'Pg -+ sqrt(x'Px g'Pg), by Cauchy and Schwarz.
    source = np.random.default_rng(SEED)
    before, noise = source.standard_normal((30, 4)), 0.01 * source.standard_normal((3, 4))
    figure = source.standard_normal(4)
    basis = np.vstack([-np.ones(3), np.eye(3)])
    inverse = basis @ np.linalg.inv(basis.T @ (before.T @ before / 30) @ basis) @ basis.T

    low, high = RestrictedMoves.of(before, np.full(4, -100.0)).extremes(noise, figure[None])

    middle = noise @ inverse @ figure
    reach = np.sqrt(figure @ inverse @ figure * np.einsum("ij,jk,ik->i", noise, inverse, noise))
    assert low[:, 0] == pytest.approx(middle - reach)
    assert high[:, 0] == pytest.approx(middle + reach)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_allowed_move_is_beyond_the_extremes(seed: int) -> None:
    source = np.random.default_rng(seed)
    before = source.standard_normal((20, 5)) + 3
    weights = source.dirichlet(np.ones(5)) * (source.random(5) < 0.6)
    weights[0] += 0.1
    noise, figure = 0.3 * source.standard_normal(5), source.standard_normal(5)
    low, high = RestrictedMoves.of(before, -weights).extremes(noise[None], figure[None])

    # Weights drawn at random, moved towards the present ones until the fit allows them.
    drawn = source.dirichlet(np.ones(5), 4_000) * weights.sum() - weights
    curvature = before.T @ before / 20
    bend = np.einsum("ij,jk,ik->i", drawn, curvature, drawn)
    drawn *= np.clip(2 * drawn @ noise / bend, 0.0, 1.0)[:, None]
    reached = drawn @ figure
    assert low[0, 0] - CLOSE <= reached.min()
    assert reached.max() <= high[0, 0] + CLOSE
    # Not to move is always allowed.
    assert low[0, 0] <= CLOSE
    assert high[0, 0] >= -CLOSE


def test_the_band_holds_what_it_promises() -> None:
    inside = []
    for seed in range(60):
        treated, donors = panel(seed)
        found = band(treated, donors)
        inside.append(found.low[0] <= treated[-1] <= found.high[0])

    # At least 90 %; 60 draws tell 80 from 90 %.
    assert np.mean(inside) >= 0.83


def test_doubt_about_the_weights_and_noise_both_widen_it() -> None:
    found = band(*panel(1, n_after=3))

    assert (found.low < found.weights_low).all()
    assert (found.weights_low < found.expected).all()
    assert (found.expected < found.weights_high).all()
    assert (found.weights_high < found.high).all()


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(1e-3, 1e3))
def test_another_unit_of_the_kpi_rescales_the_band(scale: float) -> None:
    treated, donors = panel(2)

    found, scaled = band(treated, donors), band(scale * treated, scale * donors)

    assert scaled.low == pytest.approx(scale * found.low, rel=1e-5)
    assert scaled.high == pytest.approx(scale * found.high, rel=1e-5)


def test_the_order_of_the_donors_changes_nothing() -> None:
    treated, donors = panel(3)

    found, turned = band(treated, donors), band(treated, donors[::-1])

    assert turned.low == pytest.approx(found.low, rel=1e-5)
    assert turned.high == pytest.approx(found.high, rel=1e-5)


def test_the_same_seed_gives_the_same_bytes() -> None:
    treated, donors = panel(4)

    assert band(treated, donors).low.tobytes() == band(treated, donors).low.tobytes()


def test_too_few_periods_before_are_refused_by_name() -> None:
    treated, donors = panel(5)

    with pytest.raises(NotEstimable, match="regressors of the noise"):
        prediction_band(treated[-8:], donors[:, -8:], 7, rng=np.random.default_rng(SEED), draws=10)


def test_a_donor_that_never_moves_is_refused_by_name() -> None:
    treated, donors = panel(6)
    donors[3] = 5.0

    with pytest.raises(NotEstimable, match="does not vary"):
        band(treated, donors)
