"""How the treated went, time by time, beside how they would have gone without the AI.

One line each for all units that ever have the AI, so that neither jumps when another unit goes
live: where a share of them has it, the two lie that share of the effect apart.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.effect import Effect
from aivalue.effects.front_door.table import Matrices
from aivalue.effects.panel import Floats
from aivalue.effects.student_t import t_quantile
from aivalue.effects.two_way import fit_two_way


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Levels of the treated; NaN where nothing is known.

    Attributes
    ----------
    times : length n_times
    n_before : int
        Times before the first unit goes live; 0 where times were not told apart.
    observed : shape (n_times,)
    without_ai : shape (n_times,)
        What the estimator fits before, and expects after, the go-live.
    low, high : shape (n_times,)
        Interval of `without_ai` at one time by itself; NaN before.
    """

    times: tuple[str, ...]
    n_before: int
    observed: Floats
    without_ai: Floats
    low: Floats
    high: Floats


ByTime = tuple[tuple[float, float, float], ...]  # Point, low and high for each of the effect.


def course_of_units(
    panel: Matrices, effect: Effect, before: Floats, *, by_time: ByTime = ()
) -> Course:
    """Lay the effect of each time under the mean of the units that ever have the AI.

    Parameters
    ----------
    before : shape (n_before,)
        What the estimator fits to that mean before the first go-live.
    by_time
        Intervals of the effect's times where they are not as wide on both sides.
    """
    rows = panel.outcome[panel.is_treated]
    start = panel.first_treated[panel.is_treated]
    measured = np.isfinite(rows)
    n = measured.sum(axis=0)
    observed = np.where(n > 0, np.nansum(rows, axis=0) / np.maximum(n, 1), np.nan)
    with_ai = measured & (np.arange(len(panel.times)) >= start[:, None])
    at = [panel.periods.index(period) for period in effect.periods]
    share = (with_ai.sum(axis=0) / np.maximum(n, 1))[at]
    without_ai, low, high = (np.full(len(panel.times), np.nan) for _ in range(3))
    without_ai[: len(before)] = before
    point, lowest, highest = np.array(by_time or _by_time(effect)).T
    without_ai[at] = observed[at] - share * point
    low[at], high[at] = observed[at] - share * highest, observed[at] - share * lowest
    return Course(
        times=panel.times,
        n_before=len(before),
        observed=observed,
        without_ai=without_ai,
        low=low,
        high=high,
    )


def course_at_once(effect: Effect) -> Course:
    """Set the level with the AI beside the one without where times were not told apart."""
    volume = np.asarray(effect.volume)
    weights = volume / volume.sum()
    error = float(np.sqrt(weights @ np.asarray(effect.covariance) @ weights))
    reach = t_quantile((1 + effect.confidence) / 2, effect.degrees_of_freedom) * error
    point = float(weights @ np.asarray(effect.point))
    observed = np.array([float(weights @ np.asarray(effect.observed))])
    return Course(
        times=("all",),
        n_before=0,
        observed=observed,
        without_ai=observed - point,
        low=observed - point - reach,
        high=observed - point + reach,
    )


def parallel_before(panel: Matrices) -> Floats:
    """Return what parallel trends fit to the treated before the first go-live."""
    start = int(panel.first_treated[panel.is_treated].min())
    with_ai = np.arange(len(panel.times)) >= panel.first_treated[:, None]
    seen = (np.isfinite(panel.outcome) & ~with_ai).astype(np.float64)
    kept, known = seen.any(axis=1), seen.any(axis=0)
    inside = np.ix_(kept, known)
    level = np.full(panel.outcome.shape, np.nan)
    level[inside] = fit_two_way(
        np.where(seen > 0, np.nan_to_num(panel.outcome), 0.0)[inside],
        seen[inside],
        scale="additive",
    ).rate
    treated = panel.is_treated & kept
    # Who was not measured is not in the observed mean either.
    shown = np.where(seen[treated] > 0, level[treated], 0.0)[:, :start]
    n = seen[treated][:, :start].sum(axis=0)
    fitted: Floats = np.where(n > 0, shown.sum(axis=0) / np.maximum(n, 1), np.nan)
    return fitted


def _by_time(effect: Effect) -> ByTime:
    quantile = t_quantile((1 + effect.confidence) / 2, effect.degrees_of_freedom)
    reach = quantile * np.sqrt(np.diag(np.asarray(effect.covariance)))
    return tuple(
        (point, point - float(own), point + float(own))
        for point, own in zip(effect.point, reach, strict=True)
    )
