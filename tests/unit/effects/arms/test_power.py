"""Whether power, detectable effects and adjusted p-values are those of the textbooks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.effects.arms.power import minimum_detectable, power_of
from aivalue.effects.multiple_testing import adjusted_p_values


def test_the_minimum_detectable_effect_is_2_8_standard_errors() -> None:
    # 1.959964 + 0.841621, Bloom (1995).
    assert minimum_detectable(1.0) == pytest.approx(2.801585, abs=1e-6)


@given(error=st.floats(1e-6, 1e6), power=st.floats(0.5, 0.99))
def test_power_at_the_detectable_effect_is_the_power_asked_for(error: float, power: float) -> None:
    effect = minimum_detectable(error, power=power)

    assert power_of(effect, error) == pytest.approx(power, abs=1e-3)


def test_power_under_no_effect_is_the_false_alarm_rate() -> None:
    # GeoLift reports 100 % at an effect of 1e-20.
    assert power_of(1e-20, 1.0) == pytest.approx(0.05)
    assert power_of(1e-20, 1.0, degrees_of_freedom=8) == pytest.approx(0.05)


def test_small_samples_have_less_power() -> None:
    # statsmodels: TTestIndPower().power(0.5, 64, .05) = 0.8014596.
    error = math.sqrt(2 / 64)

    assert power_of(0.5, error, degrees_of_freedom=126) == pytest.approx(0.8014596, abs=1e-5)


def test_benjamini_hochberg_of_their_own_example() -> None:
    # The fifteen p-values of the 1995 paper: at 5 % the four smallest stay.
    p_values = np.array(
        [
            *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
            *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000),
        ]
    )

    adjusted = adjusted_p_values(p_values)

    assert (adjusted <= 0.05).sum() == 4
    assert adjusted[0] == pytest.approx(0.0015)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_adjusting_keeps_the_order_and_never_helps(values: list[float]) -> None:
    p_values = np.array(values)

    adjusted = adjusted_p_values(p_values)

    assert (adjusted >= p_values).all()
    assert (np.diff(adjusted[np.argsort(p_values)]) >= -1e-15).all()
