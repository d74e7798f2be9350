"""Synthetic control and synthetic difference as an `Effect` per period, with placebo covariance.

The standard error is that of all single-donor placebos, times how much more or less than donors the
treated vary before (`error_models.scatter`); Student's t has one degree of freedom less than there
are donors, and fewer for not knowing that.
"""

from collections.abc import Sequence
from typing import Literal

from aivalue.effects.effect import Effect, Period
from aivalue.effects.error_models.scatter import Stretch, stretch_of, studentized
from aivalue.effects.estimators.augmented_synthetic_control import VERSION as AUGMENTED_VERSION
from aivalue.effects.estimators.synthetic_control import VERSION as CONTROL_VERSION
from aivalue.effects.estimators.synthetic_control import SyntheticControl
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    VERSION as DIFFERENCE_VERSION,
)
from aivalue.effects.estimators.synthetic_difference_in_differences import SyntheticDifference
from aivalue.effects.panel import Floats
from aivalue.effects.vector import Vector, effect_of

SyntheticName = Literal[
    "synthetic_difference_in_differences", "synthetic_control", "augmented_synthetic_control"
]
ControlName = Literal["synthetic_control", "augmented_synthetic_control"]
_CONTROL_VERSIONS: dict[ControlName, str] = {
    "synthetic_control": CONTROL_VERSION,
    "augmented_synthetic_control": AUGMENTED_VERSION,
}


def synthetic_difference_effect(
    found: SyntheticDifference,
    observed: Floats,
    volume: Floats,
    *,
    periods: Sequence[Period],
    confidence: float = 0.95,
) -> Effect:
    """Return the effect per period after go-live.

    Parameters
    ----------
    observed, volume : shape (n_after,)
        Mean level of the treated, and what the effect applies to.
    """
    return _effect(
        found.effect,
        found.covariance(),
        (observed, volume),
        stretch=stretch_of([found.past()]),
        periods=periods,
        confidence=confidence,
        counts=(int(found.n_treated), len(found.placebos)),
        estimator=("synthetic_difference_in_differences", DIFFERENCE_VERSION),
    )


def synthetic_control_effect(
    found: SyntheticControl,
    observed: Floats,
    volume: Floats,
    *,
    periods: Sequence[Period],
    n_treated: float = 1,
    confidence: float = 0.95,
    name: ControlName = "synthetic_control",
) -> Effect:
    """Return the effect per period after go-live, of treated units fitted as their mean.

    Parameters
    ----------
    observed, volume : shape (n_after,)
        Mean level of the treated, and what the effect applies to.
    n_treated
        Of units alike in weight.
    """
    placebos = found.placebo_gaps[:, found.n_before :]
    return _effect(
        found.gap[found.n_before :],
        placebos.T @ placebos / (len(placebos) * n_treated),
        (observed, volume),
        stretch=stretch_of([found.past(n_treated)]),
        periods=periods,
        confidence=confidence,
        counts=(int(n_treated), len(placebos)),
        estimator=(name, _CONTROL_VERSIONS[name]),
    )


def _effect(
    point: Floats,
    covariance: Floats,
    levels: tuple[Floats, Floats],
    *,
    stretch: Stretch,
    periods: Sequence[Period],
    confidence: float,
    counts: tuple[int, int],
    estimator: tuple[SyntheticName, str],
) -> Effect:
    vector = Vector(
        periods=periods,
        point=point,
        covariance=covariance * stretch.variance,
        volume=levels[1],
        observed=levels[0],
        degrees_of_freedom=studentized(counts[1], stretch),
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=counts[0],
        n_control=counts[1],
        design="few_treated",
        scale="additive",
        estimator=estimator,
    )
