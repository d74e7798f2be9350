"""An effect that is no number is refused: it is neither zero nor a failed service."""

from datetime import date
from math import inf, nan

import pytest

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.effect import Effect, Period
from aivalue.effects.result import Estimate
from services.attribution.decide import finite


def estimate(*, point: float = -2.0, variance: float = 1.0, volume: float = 10.0) -> Estimate:
    return Estimate(
        verdict="confirmed",
        grade="B",
        checks=(CheckResult(name="pre_trend", status="passed", p_value=nan, detail="one month"),),
        effect=Effect(
            periods=(Period(start=date(2024, 3, 1), end=date(2024, 4, 1)),),
            point=(point,),
            covariance=((variance,),),
            volume=(volume,),
            observed=(20.0,),
            degrees_of_freedom=inf,
            confidence=0.95,
            n_treated=12,
            n_control=4,
            design="staggered",
            scale="additive",
            estimator="difference_in_differences",
            estimator_version="1",
        ),
    )


def test_a_finite_effect_stays_and_a_p_value_that_is_none_is_null() -> None:
    found = finite(estimate())

    assert found.effect == estimate().effect
    assert found.verdict == "confirmed"
    assert found.checks[0].p_value is None


@pytest.mark.parametrize(
    "found",
    [estimate(point=nan), estimate(variance=inf), estimate(volume=nan), estimate(volume=0)],
    ids=["point", "variance", "volume", "no volume"],
)
def test_what_is_no_number_is_refused(found: Estimate) -> None:
    refused = finite(found)

    assert refused.effect is None
    assert refused.verdict == "unverifiable"
    assert "difference_in_differences" in str(refused.refusal)
    assert refused.grade is None
