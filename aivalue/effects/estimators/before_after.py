"""Before/after of one series, adjusted for trend and season, with errors that remember.

Weekly levels are regressed on a trend, yearly waves where the history is long enough to know them,
and the share of volume that works with the AI in each calendar month. Errors remember, for how
long is averaged over (`error_models.autoregression`): fixing it at an estimate, or correcting the
standard error afterwards (Newey-West), finds effects that are not there two to five times as often
as claimed. Where the series leaves open that its level wanders, the interval allows for it
(`aivalue.effects.error_models.wandering`).

Source: Box & Tiao (1975), "Intervention Analysis", JASA 70(349) 70-79.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from aivalue.effects.effect import Effect, Period
from aivalue.effects.error_models.autoregression import AveragedFit, averaged_fit
from aivalue.effects.error_models.random_walk import wandering_fit
from aivalue.effects.error_models.wandering import Levels, fits
from aivalue.effects.panel import Booleans, Floats
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable

VERSION = "4"
WEEKS_BEFORE_MIN = 26
WEEKS_AFTER_MIN = 4
WEEKS_YEAR = 365.25 / 7

Errors = Literal["averaged", "local_level"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """One series in weeks, and which part of it works with the AI.

    Attributes
    ----------
    week : shape (n_weeks,)
        Position on the calendar, whole weeks; gaps are allowed.
    y, x : shape (n_weeks,)
        Numerator and volume, x > 0.
    share_treated : shape (n_weeks, n_periods)
        Share of the week's volume that is with AI and falls in the period.
    volume, observed : shape (n_periods,)
        Treated volume, > 0, and the level on it.
    """

    periods: tuple[Period, ...]
    week: Floats
    y: Floats
    x: Floats
    share_treated: Floats
    volume: Floats
    observed: Floats
    n_units: int


def before_after(
    weekly: Weekly, *, errors: Errors = "averaged", confidence: float = 0.95
) -> Effect:
    """Estimate the effect per month against what trend and season lead one to expect.

    Assumes that nothing else changed the level when the AI came, and that trend and season go on
    as before: without controls the data cannot contradict it, hence grade C.

    Raises
    ------
    NotEstimable
        Fewer than 26 weeks before or 4 weeks with the AI, or the series does not vary.
    """
    return levels(weekly, errors=errors, confidence=confidence).published


def levels(
    weekly: Weekly,
    *,
    errors: Errors = "averaged",
    confidence: float = 0.95,
    steady_by: str | None = None,
) -> Levels:
    """Estimate with a level that stands as far as the errors let it, and with one that wanders.

    `steady_by` names who answers for it that the level stands.
    """
    regression = _regression(weekly)
    found = fits(*regression)
    is_averaged = errors == "averaged"
    stands = found.remembers if is_averaged else _fit(weekly, errors)
    name = "before_after" if is_averaged else "local_level"
    return Levels(
        stands=_effect(weekly, stands, name, confidence),
        wanders=_effect(weekly, found.walks, "local_level", confidence),
        odds=found.odds,
        steady_by=steady_by,
    )


def unforeseen(weekly: Weekly, *, errors: Errors = "averaged") -> Floats:
    """Return what the most probable error model could not foresee, in time order."""
    return _fit(weekly, errors).surprise


def _effect(weekly: Weekly, fit: AveragedFit, name: str, confidence: float) -> Effect:
    n_periods = len(weekly.periods)
    weights = np.zeros(len(fit.point))
    weights[:n_periods] = weekly.volume
    covariance, freedom = fit.student_t(weights)
    vector = Vector(
        periods=weekly.periods,
        point=fit.point[:n_periods],
        covariance=covariance[:n_periods, :n_periods],
        volume=weekly.volume,
        observed=weekly.observed,
        degrees_of_freedom=freedom,
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=weekly.n_units,
        n_control=0,
        design="series_only",
        scale="additive",
        estimator=(name, VERSION),
    )


def _fit(weekly: Weekly, errors: Errors) -> AveragedFit:
    if errors == "local_level":
        return wandering_fit(*_regression(weekly), may_stand=True)
    return averaged_fit(*_regression(weekly))


def _regression(weekly: Weekly) -> tuple[Floats, Floats, Floats]:
    """Return outcome, regressors and position."""
    with_ai = weekly.share_treated.sum(axis=1) > 0
    _require_history(int((~with_ai).sum()), int(with_ai.sum()))
    scale = np.sqrt(weekly.x / weekly.x.mean())
    regressors = np.column_stack([weekly.share_treated, _expected_shape(weekly.week, with_ai)])
    return weekly.y / weekly.x * scale, regressors * scale[:, None], weekly.week


def _expected_shape(week: Floats, with_ai: Booleans) -> Floats:
    """Return level, trend, and as many yearly waves as the weeks before can tell apart."""
    middle = week.mean()
    columns = [np.ones(len(week)), (week - middle) / WEEKS_YEAR]
    years = int((~with_ai).sum()) / WEEKS_YEAR
    n_waves = 2 if years >= 1.9 else 1 if years >= 0.98 else 0  # noqa: PLR2004 - whole years, less a week
    for wave in range(1, n_waves + 1):
        angle = 2 * np.pi * wave * week / WEEKS_YEAR
        columns += [np.sin(angle), np.cos(angle)]
    return np.column_stack(columns)


def _require_history(n_before: int, n_after: int) -> None:
    if n_before < WEEKS_BEFORE_MIN:
        raise NotEstimable(
            f"{n_before} weeks were measured before the AI, needs {WEEKS_BEFORE_MIN}"
        )
    if n_after < WEEKS_AFTER_MIN:
        raise NotEstimable(
            f"{n_after} weeks were measured with the AI, needs {WEEKS_AFTER_MIN}",
            verdict="too_early",
        )
