"""The interval on money covers the true value as often as it says, or more often."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from aivalue.effects.effect import Effect, Period
from aivalue.money.improvement import Quantiles, improvement_of
from aivalue.money.valuation import Pricing, total_value
from aivalue.money.valuation_rule import ValuationRule

SEED = 20260101
# 2,000 draws put the Monte Carlo error of a coverage of 95 % near 0.5 points; 3 errors are allowed.
N_DRAWS = 2000
TOLERANCE = 0.015
NORMAL = Quantiles(two_sided=1.959963984540054, lower_bound=1.2815515655446004)

MONTHS = tuple(Period(start=date(2024, month, 1), end=date(2024, month + 1, 1)) for month in (1, 2))
TRUE_POINT = np.array([2.0, 3.0])
COVARIANCE = np.array([[0.5, 0.2], [0.2, 0.8]])
TRUE_RATE = 50.0
RATE_STANDARD_ERROR = 5.0


def pricing(kpi: str, point: np.ndarray, rate: float, *, rate_standard_error: float) -> Pricing:
    effect = Effect(
        periods=MONTHS,
        point=tuple(float(number) for number in point),
        covariance=tuple(tuple(float(entry) for entry in row) for row in COVARIANCE),
        volume=(10.0, 10.0),
        observed=(0.0, 0.0),
        degrees_of_freedom=float("inf"),
        confidence=0.95,
        n_treated=20,
        n_control=20,
        design="randomized",
        scale="additive",
        estimator="difference_in_means",
        estimator_version="1",
    )
    rule = ValuationRule(
        key=kpi,
        initiative="support",
        kpi=kpi,
        name=kpi,
        rate=Decimal(repr(float(rate))),
        rate_standard_error=Decimal(repr(rate_standard_error)),
        currency="EUR",
        category="hard_cost",
    )
    improvement = improvement_of(effect, kpi=kpi, better_when="higher", grade="A", quantiles=NORMAL)
    return Pricing(improvement=improvement, rules=(rule,))


def covered(pricings: list[Pricing], truth: float) -> tuple[bool, bool]:
    value = total_value(pricings, currency="EUR")
    above = float(value.lower_bound.amount) <= truth
    return float(value.low.amount) <= truth <= float(value.high.amount), above


def test_an_uncertain_rate_is_part_of_the_interval() -> None:
    rng = np.random.default_rng(SEED)
    points = rng.multivariate_normal(TRUE_POINT, COVARIANCE, N_DRAWS)
    rates = rng.normal(TRUE_RATE, RATE_STANDARD_ERROR, N_DRAWS)
    truth = TRUE_RATE * 10 * TRUE_POINT.sum()

    hits = np.array(
        [
            covered([pricing("calls", point, rate, rate_standard_error=RATE_STANDARD_ERROR)], truth)
            for point, rate in zip(points, rates, strict=True)
        ]
    )

    interval, lower_bound = hits.mean(axis=0)
    assert interval == pytest.approx(0.95, abs=TOLERANCE)
    assert lower_bound == pytest.approx(0.90, abs=2 * TOLERANCE)


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 1.0])
def test_two_kpis_are_covered_whatever_their_correlation(correlation: float) -> None:
    rng = np.random.default_rng(SEED)
    cross = correlation * COVARIANCE
    joint = np.block([[COVARIANCE, cross], [cross, COVARIANCE]])
    # Correlation 1 has no Cholesky factor; the singular value decomposition needs none.
    points = rng.multivariate_normal(np.tile(TRUE_POINT, 2), joint, N_DRAWS, method="svd")
    truth = 2 * TRUE_RATE * 10 * TRUE_POINT.sum()

    hits = np.array(
        [
            covered(
                [
                    pricing("calls", point[:2], TRUE_RATE, rate_standard_error=0.0),
                    pricing("tickets", point[2:], TRUE_RATE, rate_standard_error=0.0),
                ],
                truth,
            )
            for point in points
        ]
    )

    interval, lower_bound = hits.mean(axis=0)
    assert interval >= 0.95 - TOLERANCE
    assert lower_bound >= 0.90 - 2 * TOLERANCE
