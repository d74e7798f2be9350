"""Known answers of anytime-valid and group sequential readings, and false alarms under peeking."""

import numpy as np
import pytest

from aivalue.effects.arms.comparison import relative_difference
from aivalue.effects.sequential.always_valid import (
    anytime_regression_margin,
    best_mixture_precision,
    best_regression_tuning,
    iterated_logarithm_margin,
    log_mixture,
    mixture_bound,
    ratio_test_margin,
    share_interval,
)
from aivalue.effects.sequential.asymptotic_sequence import (
    anytime_margin,
    best_rho_squared,
    mixture_margin,
)
from aivalue.effects.sequential.group_sequential import obrien_fleming, probability_of_rejecting
from tests.unit.effects.arms.test_comparison import TREATED, level_of_sums
from tests.unit.effects.reference import columns, expected


@pytest.mark.parametrize("n", [100, 1_000, 10_000])
@pytest.mark.parametrize("alpha", ["0.05", "0.1"])
def test_tuning_is_exact(n: int, alpha: str) -> None:
    wanted = expected("asympcs.margins")["rho2_exact"][f"t={n},a={alpha}"]

    assert best_rho_squared(n, float(alpha)) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("n", [10, 100, 1_000, 10_000])
def test_margins_match_drconfseq(n: int) -> None:
    entry = expected("asympcs.margins")
    tuned = mixture_margin(np.array(float(n)), best_rho_squared(1_000, 0.05), 0.05)

    untuned = iterated_logarithm_margin(np.array(float(n)), 0.05)

    key = f"t={n},rho2=rho2_exact(1000,.05)"
    assert float(tuned) == pytest.approx(entry["conjmix_margin"][key], rel=1e-9)
    assert float(untuned) == pytest.approx(entry["lil_margin a=.05"][f"t={n}"], rel=1e-9)


def test_matches_growthbook_with_its_approximate_tuning() -> None:
    control = level_of_sums(3_000, 1396.87, 52377.9767)
    reading = relative_difference(TREATED, control, method="delta")
    log_inverse = -2 * np.log(0.05)
    tuning = (log_inverse + np.log(log_inverse + 1)) / 1_000
    n = np.array(6_461.0)

    margin = reading.standard_error * np.sqrt(n) * mixture_margin(n, tuning, 0.05)

    wanted = expected("gb.seq.rel")
    found = [float(reading.point - margin), float(reading.point + margin)]
    assert found == pytest.approx(wanted["ci"], abs=1e-5)


def test_normal_mixture_matches_confseq() -> None:
    wanted = expected("howard.normal_mixture")
    two_sided = best_mixture_precision(100, 0.05)
    one_sided = best_mixture_precision(100, 0.05, one_sided=True)

    found = {
        "best_rho_two_sided": two_sided,
        "log_mixture(10,100)_two_sided": log_mixture(10, 100, two_sided),
        "bound(100,.05)_two_sided": mixture_bound(100, two_sided, 0.05),
        "log_mixture_one_sided": log_mixture(10, 100, one_sided, one_sided=True),
        "bound_one_sided": mixture_bound(100, one_sided, 0.05, one_sided=True),
    }

    assert found == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("successes", "n", "n_best"),
    [(700, 1000, 100), (15, 50, 50), (5, 50, 50), (100, 200, 1), (1, 1, 50)],
)
def test_share_interval_matches_confseq(successes: int, n: int, n_best: int) -> None:
    wanted = expected("howard.bernoulli_ci")[f"{successes}/{n}@{n_best}"]

    assert share_interval(successes, n, n_best=n_best) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(("entry", "is_robust"), [("trt", False), ("trt_HC0", True)])
def test_anytime_regression_matches_avlm(entry: str, is_robust: bool) -> None:  # noqa: FBT001 - a parametrized case
    values = columns("avlm_readme.csv", "X1", "X2", "X3", "trt", "y")
    treated, past = values[:, 3:4], values[:, :3]
    design = np.column_stack([np.ones(len(values)), past, treated, past * treated])
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ design.T @ values[:, 4]
    residuals = values[:, 4] - design @ coefficients
    covariance = inverse * (residuals @ residuals) / (len(values) - 8)
    if is_robust:
        covariance = inverse @ (design.T * residuals**2) @ design @ inverse
    tuning = best_regression_tuning(len(values), n_coefficients=8)
    standard_error = float(covariance[4, 4] ** 0.5)

    margin = anytime_regression_margin(standard_error, len(values), n_coefficients=8, tuning=tuning)

    wanted = expected("avlm.readme")[entry]
    found = [coefficients[4], standard_error, coefficients[4] - margin, coefficients[4] + margin]
    assert found == pytest.approx(wanted[:4], abs=1e-5)


def test_obrien_fleming_boundaries_are_the_published_ones() -> None:
    # Jennison & Turnbull (2000), table 2.3, two-sided .05: C(2) = 1.977, C(5) = 2.040.
    assert obrien_fleming(1) == pytest.approx([1.959964], abs=1e-4)
    assert obrien_fleming(2)[-1] == pytest.approx(1.977, abs=1e-3)
    assert obrien_fleming(5)[-1] == pytest.approx(2.040, abs=1e-3)


def test_two_looks_reject_as_the_bivariate_normal_says() -> None:
    # Pocock's two looks at 2.178 reject in 5 % together.
    assert probability_of_rejecting(np.array([2.178, 2.178])) == pytest.approx(0.05, abs=2e-4)


@pytest.mark.parametrize("is_skewed", [False, True])
def test_thirty_daily_looks_rarely_reject_without_an_effect(is_skewed: bool) -> None:  # noqa: FBT001 - a parametrized case
    # D7: the fixed interval rejects in 28 % of such experiments. 2,000 draws put the Monte Carlo
    # error near 0.5 points.
    rng = np.random.default_rng(1)
    n_draws, n_days, per_day = 2_000, 30, 200
    shape = (2, n_draws, n_days * per_day)
    values = rng.standard_exponential(shape) if is_skewed else rng.standard_normal(shape)
    n = per_day * np.arange(1, n_days + 1)
    sums = values.cumsum(axis=2)[:, :, n - 1]
    squares = (values**2).cumsum(axis=2)[:, :, n - 1]
    variance = (squares - sums**2 / n) / (n - 1) / n
    point, error = (sums / n)[0] - (sums / n)[1], np.sqrt(variance.sum(axis=0).astype(np.float64))

    def ever_rejects(margin: np.typing.NDArray[np.float64]) -> float:
        return float((np.abs(point) > margin).any(axis=1).mean())

    fixed = ever_rejects(1.96 * error)
    anytime = ever_rejects(anytime_margin(error, (2.0 * n).astype(np.float64), n_best=2.0 * n[-1]))
    mixture = ever_rejects(ratio_test_margin(error, prior_scale=0.05))
    planned = ever_rejects(obrien_fleming(n_days) * error)

    assert fixed > 0.2
    assert anytime <= 0.05
    assert mixture <= 0.05
    assert planned == pytest.approx(0.05, abs=0.015)
