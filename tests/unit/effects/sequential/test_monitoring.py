"""Whether intervals for daily looks keep their guarantee: tuned beforehand, never by the data."""

from dataclasses import replace

import numpy as np
import pytest

from aivalue.effects.effect import Effect
from aivalue.effects.front_door.table import days_from
from aivalue.effects.panel import Floats
from aivalue.effects.sequential.always_valid import ratio_test_margin
from aivalue.effects.sequential.asymptotic_sequence import anytime_margin
from aivalue.effects.sequential.monitoring import (
    CLUSTERS_DEFAULT,
    SUBJECTS_DEFAULT,
    default_size,
    monitored,
)

PER_DAY, N_DAYS = 100, 30  # Subjects of each arm.
DRAWS = 600


def after(n: int, point: float, error: float) -> Effect:
    return Effect(
        periods=days_from(1),
        point=(point,),
        covariance=((error**2,),),
        volume=(1.0,),
        observed=(1.0,),
        degrees_of_freedom=2.0 * n - 2,
        confidence=0.95,
        n_treated=n,
        n_control=n,
        design="randomized",
        scale="additive",
        estimator="difference_in_means",
        estimator_version="2",
    )


def daily(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the difference of two like arms on each day, and its standard error."""
    n = PER_DAY * np.arange(1, N_DAYS + 1)
    arms = rng.standard_normal((2, N_DAYS * PER_DAY))
    sums, squares = (np.cumsum(values, axis=1)[:, n - 1] for values in (arms, arms**2))
    variance = ((squares - sums**2 / n) / (n - 1)).sum(axis=0) / n
    return (sums[0] - sums[1]) / n, np.sqrt(variance)


@pytest.mark.parametrize("n_planned", [None, 2 * N_DAYS * PER_DAY, 2 * PER_DAY, 1_000_000])
def test_thirty_daily_looks_together_err_as_rarely_as_one(n_planned: int | None) -> None:
    # Whatever size was registered. 600 draws put the Monte Carlo error near 0.9 points.
    rng = np.random.default_rng(11)
    n_wrong = 0
    for _ in range(DRAWS):
        points, errors = daily(rng)
        for day, (point, error) in enumerate(zip(points, errors, strict=True), start=1):
            # Where the fixed interval holds, the wider one does.
            if abs(point) < 1.9 * error:
                continue
            shown = monitored(
                after(day * PER_DAY, float(point), float(error)), n_planned=n_planned
            ).anytime
            if not shown.low <= 0 <= shown.high:
                n_wrong += 1
                break

    assert n_wrong / DRAWS <= 0.05


def test_tuning_is_what_was_fixed_beforehand_however_much_was_seen() -> None:
    # The half width over the standard error is the sequence's at n_best, at every size alike.
    for n in (50, 500, 50_000):
        found = monitored(after(n, 0.3, 0.1), n_planned=4_000)
        wanted = float(anytime_margin(np.asarray(0.1), np.asarray(2.0 * n), n_best=4_000))

        assert found.n_best == 4_000
        assert found.anytime.high - 0.3 == pytest.approx(wanted, rel=0.03)


def test_a_default_follows_from_the_design_alone() -> None:
    by_event = {monitored(after(n, 0.3, 0.1)).n_best for n in (50, 500, 50_000)}
    by_unit = monitored(
        replace(after(20, 0.3, 0.1), estimator="difference_in_means_by_unit")
    ).n_best

    assert by_event == {SUBJECTS_DEFAULT}
    assert by_unit == CLUSTERS_DEFAULT == default_size("cluster_randomized")


def test_the_ratio_test_stands_beside_where_a_size_of_effects_was_named() -> None:
    effect = after(2_000, 0.3, 0.1)

    found = monitored(effect, expected_size=0.2)

    margin = float(ratio_test_margin(np.asarray(0.1), prior_scale=0.2))
    assert monitored(effect).ratio_test is None
    assert found.ratio_test is not None
    assert found.ratio_test.high - 0.3 == pytest.approx(margin, rel=1e-3)
    assert found.ratio_test.high > found.fixed.high
