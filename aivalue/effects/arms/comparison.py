"""Compare two estimated levels: difference, relative difference, intervals and p-values that agree.

Everything broadcasts, so thousands of metrics and segments are one call. The relative difference
divides by the size of the control level, so that it keeps the sign of the change. Its interval is
Fieller's by default; the delta method and the logarithm are there because other systems use them.

Source: Welch (1947), Biometrika 34; Fieller (1954), JRSS B 16(2); Deng, Knoblich & Lu (2018), KDD.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.effects.student_t import t_quantile, two_sided_p
from aivalue.errors import NotEstimable


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """An estimated level of one arm: variance is of the estimate, n the subjects behind it."""

    estimate: Floats
    variance: Floats
    n: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Treatment minus control (or its share of control) with interval and two-sided p-value."""

    point: Floats
    standard_error: Floats
    degrees_of_freedom: Floats
    low: Floats
    high: Floats
    p_value: Floats


def difference(treated: Level, control: Level, *, confidence: float = 0.95) -> Comparison:
    """Return treatment minus control by Welch's t."""
    variance = treated.variance + control.variance
    return _by_t(
        treated.estimate - control.estimate, variance, _welch(treated, control), confidence
    )


def relative_difference(
    treated: Level,
    control: Level,
    *,
    confidence: float = 0.95,
    method: Literal["fieller", "delta", "log"] = "fieller",
) -> Comparison:
    """Return treatment minus control as a share of the control level's size.

    Raises
    ------
    NotEstimable
        A control level is zero, cannot be told from zero (Fieller), or levels have different
        signs (log).
    """
    if (control.estimate == 0).any():
        raise NotEstimable("the control level is zero: no relative difference")
    if method == "fieller":
        return _fieller(treated, control, confidence)
    if method == "log":
        return _by_logarithm(treated, control, confidence)
    ratio = treated.estimate / control.estimate
    size = np.abs(control.estimate)
    variance_treated = treated.variance / size**2
    variance_control = control.variance * ratio**2 / size**2
    point = (treated.estimate - control.estimate) / size
    variance = variance_treated + variance_control
    return _by_t(point, variance, _welch(treated, control), confidence)


def _fieller(treated: Level, control: Level, confidence: float) -> Comparison:
    plain = difference(treated, control, confidence=confidence)
    quantile = _quantile(plain.degrees_of_freedom, (1 + confidence) / 2)
    square = control.estimate**2 - quantile**2 * control.variance
    if (square <= 0).any():
        raise NotEstimable("a control level cannot be told from zero: no relative difference")
    middle = treated.estimate * control.estimate
    constant = treated.estimate**2 - quantile**2 * treated.variance
    root = np.sqrt(np.maximum(middle**2 - square * constant, 0.0))
    sign = np.sign(control.estimate)
    first = sign * ((middle - root) / square - 1)
    second = sign * ((middle + root) / square - 1)
    delta = relative_difference(treated, control, confidence=confidence, method="delta")
    return Comparison(
        point=delta.point,
        standard_error=delta.standard_error,
        degrees_of_freedom=plain.degrees_of_freedom,
        low=np.minimum(first, second),
        high=np.maximum(first, second),
        p_value=plain.p_value,
    )


def _by_logarithm(treated: Level, control: Level, confidence: float) -> Comparison:
    ratio = treated.estimate / control.estimate
    if (ratio <= 0).any():
        raise NotEstimable("levels of different signs have no logarithm of their ratio")
    variance_treated = treated.variance / treated.estimate**2
    variance_control = control.variance / control.estimate**2
    freedom = _satterthwaite(variance_treated, treated.n, variance_control, control.n)
    logarithm = _by_t(np.log(ratio), variance_treated + variance_control, freedom, confidence)
    sign = np.sign(control.estimate)
    first, second = (sign * np.expm1(bound) for bound in (logarithm.low, logarithm.high))
    return Comparison(
        point=sign * (ratio - 1),
        standard_error=np.abs(ratio) * logarithm.standard_error,
        degrees_of_freedom=logarithm.degrees_of_freedom,
        low=np.minimum(first, second),
        high=np.maximum(first, second),
        p_value=logarithm.p_value,
    )


def _by_t(point: Floats, variance: Floats, freedom: Floats, confidence: float) -> Comparison:
    if (variance <= 0).any():
        raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
    standard_error = np.sqrt(variance)
    half_width = standard_error * _quantile(freedom, (1 + confidence) / 2)
    return Comparison(
        point=point,
        standard_error=standard_error,
        degrees_of_freedom=freedom,
        low=point - half_width,
        high=point + half_width,
        p_value=_two_sided(point / standard_error, freedom),
    )


def _quantile(freedom: Floats, probability: float) -> Floats:
    if np.size(freedom) == 1:
        return np.reshape(t_quantile(probability, float(freedom)), np.shape(freedom))
    # A quarter of a second to import: for thousands of metrics, not for one.
    from scipy import special

    return np.asarray(special.stdtrit(freedom, probability), np.float64)


def _two_sided(statistic: Floats, freedom: Floats) -> Floats:
    if np.size(statistic) == 1 and np.size(freedom) == 1:
        return np.reshape(two_sided_p(float(statistic), float(freedom)), np.shape(statistic))
    from scipy import special

    return np.asarray(2 * special.stdtr(freedom, -np.abs(statistic)), np.float64)


def _welch(treated: Level, control: Level) -> Floats:
    return _satterthwaite(treated.variance, treated.n, control.variance, control.n)


def _satterthwaite(left: Floats, n_left: Floats, right: Floats, n_right: Floats) -> Floats:
    # In shares of the variance, so that no square can underflow.
    total = left + right
    share = np.divide(left, total, out=np.full_like(total, 0.5), where=total > 0)
    return 1 / (share**2 / (n_left - 1) + (1 - share) ** 2 / (n_right - 1))
