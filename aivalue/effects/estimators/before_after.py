"""Before/after of one series, adjusted for trend and season, with errors that remember.

Weekly levels are regressed on a trend, yearly waves where the history is long enough to know them,
and the share of volume that works with the AI in each calendar month. Errors follow a first-order
autoregression whose correlation is averaged over a grid by its restricted likelihood: fixing it
at an estimate, or correcting the standard error afterwards (Newey-West), finds effects that are
not there two to five times as often as claimed.

Source: Box & Tiao (1975), "Intervention Analysis", JASA 70(349) 70-79; Harville (1974),
Biometrika 61(2), for the restricted likelihood read as a posterior.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from aivalue.effects.dependence import degrees_of_freedom
from aivalue.effects.effect import Effect, Period
from aivalue.effects.panel import Booleans, Floats
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable

VERSION = "1"
WEEKS_BEFORE_MIN = 26
WEEKS_AFTER_MIN = 4
WEEKS_YEAR = 365.25 / 7
ROUNDING = 1e-20  # Squares below this share of the level are rounding.
CORRELATIONS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.94, 0.97, 0.99)


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


def before_after(weekly: Weekly, *, confidence: float = 0.95) -> Effect:
    """Estimate the effect per month against what trend and season lead one to expect.

    Assumes that nothing else changed the level when the AI came, and that trend and season go on
    as before: without controls the data cannot contradict it, hence grade C.

    Raises
    ------
    NotEstimable
        Fewer than 26 weeks before or 4 weeks with the AI, or the series does not vary.
    """
    with_ai = weekly.share_treated.sum(axis=1) > 0
    _require_history(int((~with_ai).sum()), int(with_ai.sum()))
    scale = np.sqrt(weekly.x / weekly.x.mean())
    outcome = weekly.y / weekly.x * scale
    regressors = np.column_stack([weekly.share_treated, _expected_shape(weekly.week, with_ai)])
    regressors = regressors * scale[:, None]
    cells_free = len(outcome) - regressors.shape[1]
    if cells_free <= 4:  # noqa: PLR2004 - below it, t has no fourth moment
        raise NotEstimable("more months and waves than weeks to tell them apart")

    n_periods = len(weekly.periods)
    fits = [
        _fit(outcome, regressors, weekly.week, correlation=value, n_wanted=n_periods)
        for value in CORRELATIONS
    ]
    top = max(fit.log_likelihood for fit in fits)
    probability = np.array([np.exp(fit.log_likelihood - top) for fit in fits])
    probability /= probability.sum()
    point = np.einsum("g,gp->p", probability, np.stack([fit.point for fit in fits]))
    spread = np.stack(
        [
            fit.covariance * cells_free / (cells_free - 2)
            + np.outer(fit.point - point, fit.point - point)
            for fit in fits
        ]
    )
    covariance = np.einsum("g,gpq->pq", probability, spread)
    sizes = np.einsum("p,gpq,q->g", weekly.volume, spread, weekly.volume)
    kurtosis = 3 * (cells_free - 2) / (cells_free - 4)
    kurtosis *= float(probability @ sizes**2) / max(float(probability @ sizes) ** 2, 1e-300)
    vector = Vector(
        periods=weekly.periods,
        point=point,
        covariance=covariance,
        volume=weekly.volume,
        observed=weekly.observed,
        degrees_of_freedom=degrees_of_freedom(kurtosis),
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=weekly.n_units,
        n_control=0,
        design="series_only",
        scale="additive",
        estimator=("before_after", VERSION),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    point: Floats
    covariance: Floats
    log_likelihood: float


def _fit(
    outcome: Floats, regressors: Floats, week: Floats, *, correlation: float, n_wanted: int
) -> _Fit:
    # What a week adds to what its predecessor, some weeks ago, already told.
    carried = correlation ** np.diff(week)
    news = np.sqrt(1 - carried**2)
    rows = np.column_stack([outcome, regressors])
    white = np.vstack([rows[:1], (rows[1:] - carried[:, None] * rows[:-1]) / news[:, None]])
    q, r = np.linalg.qr(white[:, 1:])
    diagonal = np.abs(np.diag(r))
    if diagonal.min() < diagonal.max() * 1e-10:
        raise NotEstimable("months, trend and waves cannot be told apart in this series")
    coefficients = linalg.solve_triangular(r, q.T @ white[:, 0])
    squares = float(((white[:, 0] - white[:, 1:] @ coefficients) ** 2).sum())
    if squares <= ROUNDING * float(outcome @ outcome):
        raise NotEstimable("the series does not vary, so the uncertainty cannot be estimated")
    free = len(outcome) - regressors.shape[1]
    root = linalg.solve_triangular(r, np.eye(len(r)))
    covariance = (root @ root.T)[:n_wanted, :n_wanted] * squares / free
    log_sizes = 2 * np.log(news).sum() + 2 * np.log(diagonal).sum()
    return _Fit(
        point=coefficients[:n_wanted],
        covariance=covariance,
        log_likelihood=float(-(log_sizes + free * np.log(squares)) / 2),
    )


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
