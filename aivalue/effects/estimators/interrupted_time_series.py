"""Interrupted time series with control series: what the untouched series say should have happened.

The outcome is regressed on control series that the AI cannot have changed, on a trend, cycles and
holidays where asked for, and on the share of each period that works with the AI. Errors remember;
for how long is averaged over ("averaged"), corrected for bias and simulated ("bootstrap"), or left
to a level that wanders ("local_level"): intervals that fix it cover 50 to 80 % where they claim 95.
Where the series leaves open that its level wanders, the interval allows for it
(`aivalue.effects.error_models.wandering`).

Source: Box & Tiao (1975), "Intervention Analysis", JASA 70(349) 70-79; Brodersen et al. (2015),
"Inferring Causal Impact Using Bayesian Structural Time-Series Models", AOAS 9(1), for the setting.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aivalue.effects.effect import Effect, Period
from aivalue.effects.error_models.autoregression import AveragedFit, averaged_fit
from aivalue.effects.error_models.memory_bootstrap import remembered
from aivalue.effects.error_models.random_walk import wandering_fit
from aivalue.effects.error_models.wandering import Levels, fits
from aivalue.effects.panel import Floats
from aivalue.effects.student_t import t_quantile
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable

VERSION = "4"
BEFORE_MIN = 20
AFTER_MIN = 1

Errors = Literal["averaged", "bootstrap", "local_level"]
_NAMES: dict[Errors, str] = {
    "averaged": "interrupted_time_series",
    "bootstrap": "autoregressive_bootstrap",
    "local_level": "local_level",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """One series, its controls, and when the AI was at work.

    Attributes
    ----------
    outcome : shape (n,)
        In the KPI's unit.
    position : shape (n,), ascending whole numbers
        Where each observation stands; a step of two is a gap.
    with_ai : shape (n, n_periods), in [0, 1]
        Share of the observation that is with AI and falls in the period.
    controls : shape (n, n_controls)
        Series that the AI cannot have changed; none is shape (n, 0).
    volume : shape (n_periods,)
        What the effect applies to; the level is averaged over it.
    cycles : lengths in steps, e.g. 7 for weekdays of a daily series
        Whole numbers get a level for each step, others one wave.
    holidays : shape (n, n_holidays), in [0, 1], or None
        Share of the observation that is a holiday of each kind; each kind has its own level.
    """

    periods: tuple[Period, ...]
    outcome: Floats
    position: Floats
    with_ai: Floats
    controls: Floats
    volume: Floats
    cycles: tuple[float, ...] = ()
    has_trend: bool = False
    holidays: Floats | None = None


def interrupted_time_series(
    series: Interrupted, *, errors: Errors = "averaged", confidence: float = 0.95
) -> Effect:
    """Estimate the effect per period against what controls, trend and cycles lead one to expect.

    Assumes that the AI did not change the controls, and that their relation to the outcome went on
    as before.

    Raises
    ------
    NotEstimable
        Fewer than 20 observations before the AI or none with it, a value is missing, or the
        regressors cannot be told apart.
    """
    return levels(series, errors=errors, confidence=confidence).published


def levels(
    series: Interrupted,
    *,
    errors: Errors = "averaged",
    confidence: float = 0.95,
    steady_by: str | None = None,
) -> Levels:
    """Estimate with a level that stands as far as the errors let it, and with one that wanders.

    `steady_by` names who answers for it that the level stands.
    """
    regressors, weights = _regressors(series)
    regression = series.outcome, regressors, series.position
    found = fits(*regression)
    if errors == "bootstrap":
        stands = _simulated(series, regressors, weights, confidence)
    elif errors == "local_level":
        stands = _read(_fit(series, regressors, errors), weights)
    else:
        stands = _read(found.remembers, weights)
    return Levels(
        stands=_effect(series, stands, _NAMES[errors], confidence),
        wanders=_effect(series, _read(found.walks, weights), "local_level", confidence),
        odds=found.odds,
        steady_by=steady_by,
    )


def _read(fit: AveragedFit, weights: Floats) -> tuple[Floats, Floats, float]:
    return fit.point, *fit.student_t(weights)


def _effect(
    series: Interrupted, found: tuple[Floats, Floats, float], name: str, confidence: float
) -> Effect:
    """Return the effect of coefficients, their covariance and degrees of freedom."""
    point, covariance, freedom = found
    n_periods = len(series.periods)
    vector = Vector(
        periods=series.periods,
        point=point[:n_periods],
        covariance=covariance[:n_periods, :n_periods],
        volume=series.volume,
        observed=series.outcome @ series.with_ai / series.with_ai.sum(axis=0),
        degrees_of_freedom=freedom,
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=1,
        n_control=series.controls.shape[1],
        design="series_only",
        scale="additive",
        estimator=(name, VERSION),
    )


def unforeseen(series: Interrupted, *, errors: Errors = "averaged") -> Floats:
    """Return what the most probable error model could not foresee, in time order.

    The simulated intervals rest on an autoregression, as the averaged ones do.
    """
    regressors, _ = _regressors(series)
    return _fit(series, regressors, errors).surprise


def expected(series: Interrupted, *, errors: Errors = "averaged") -> Floats:
    """Return what controls, trend and cycles lead one to expect, shape (n,)."""
    regressors, _ = _regressors(series)
    without = regressors[:, len(series.periods) :]
    level: Floats = without @ _fit(series, regressors, errors).point[len(series.periods) :]
    return level


def _fit(series: Interrupted, regressors: Floats, errors: Errors) -> AveragedFit:
    regression = series.outcome, regressors, series.position
    if errors == "local_level":
        return wandering_fit(*regression, may_stand=True)
    return averaged_fit(*regression)


def _simulated(
    series: Interrupted, regressors: Floats, weights: Floats, confidence: float
) -> tuple[Floats, Floats, float]:
    """Return coefficients, and a normal covariance as wide as the simulated interval."""
    if (np.diff(series.position) != 1).any():
        raise NotEstimable("the series has gaps, which the simulation cannot bridge")
    found = remembered(series.outcome, regressors, weights)
    wider = found.quantile(confidence) / t_quantile((1 + confidence) / 2, np.inf)
    return found.coefficients, found.covariance * wider**2, np.inf


def _regressors(series: Interrupted) -> tuple[Floats, Floats]:
    """Return what explains the outcome, periods with AI first, and the weights of their total."""
    is_after = series.with_ai.sum(axis=1) > 0
    _require_estimable(series, n_before=int((~is_after).sum()), n_after=int(is_after.sum()))
    regressors = np.column_stack([series.with_ai, _expected_shape(series)])
    weights = np.zeros(regressors.shape[1])
    weights[: len(series.periods)] = series.volume
    return regressors, weights


def _expected_shape(series: Interrupted) -> Floats:
    centred = series.controls - series.controls.mean(axis=0)
    spread = centred.std(axis=0)
    if (spread <= 0).any():
        raise NotEstimable("a control series does not vary")
    columns = [np.ones(len(series.outcome)), *(centred / spread).T]
    if series.has_trend:
        columns.append((series.position - series.position.mean()) / np.ptp(series.position))
    for length in series.cycles:
        columns += _cycle(series.position, length)
    if series.holidays is not None:
        columns += [kind for kind in series.holidays.T if kind.any()]
    return np.column_stack(columns)


def _cycle(position: Floats, length: float) -> list[Floats]:
    if length != int(length):
        angle = 2 * np.pi * position / length
        return [np.sin(angle), np.cos(angle)]
    step = position % length
    # A series of working days has no level of Sundays.
    seen = [number for number in range(int(length)) if (step == number).any()]
    last = (step == seen[-1]).astype(np.float64)
    return [(step == number).astype(np.float64) - last for number in seen[:-1]]


def _require_estimable(series: Interrupted, *, n_before: int, n_after: int) -> None:
    if n_before < BEFORE_MIN:
        raise NotEstimable(f"{n_before} observations before the AI, needs {BEFORE_MIN}")
    if n_after < AFTER_MIN:
        raise NotEstimable("no observation with the AI", verdict="too_early")
    if (series.with_ai.sum(axis=0) <= 0).any():
        raise NotEstimable("a period has no observation with the AI")
    if not (np.isfinite(series.outcome).all() and np.isfinite(series.controls).all()):
        raise NotEstimable("a value is missing: leave the observation out, gaps are allowed")
