"""Switchback: the same unit works with the AI and without it by turns, in an order drawn at random.

A stretch of one unit with one arm is what was randomized, so errors go together within it. The
first periods after each switch may still feel the other arm: they are left out.

Source: Bojinov, Simchi-Levi & Zhao (2023), "Design and Analysis of Switchback Experiments",
Management Science 69(7) 3759-3777; `aivalue.effects.error_models.cluster_robust` for the errors.
"""

from collections.abc import Sequence

import numpy as np

from aivalue.effects.effect import Effect, Period
from aivalue.effects.error_models.cluster_robust import cluster_robust
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable

VERSION = "1"
STRETCHES_MIN = 4  # Per arm.
UNITS_MAX = 300


def switchback(
    outcome: Floats,
    treated: Booleans,
    *,
    period: Period,
    washout: int = 1,
    confidence: float = 0.95,
) -> Effect:
    """Compare treated with untreated stretches within each unit.

    Assumes that the order of arms was random, and that an arm is not felt for longer than the
    washout after it ends.

    Parameters
    ----------
    outcome, treated : shape (n_units, n_periods)
        In time order; outcome is NaN where not measured.
    washout
        Periods left out after each switch.

    Raises
    ------
    NotEstimable
        An arm has fewer than four stretches after the washout, or nothing varies.
    """
    stretch, since = _stretches(treated)
    first = stretch == stretch[:, :1]
    # Nothing switched before the first stretch, so nothing has to wear off in it.
    kept = np.isfinite(outcome) & (first | (since >= washout))
    # A unit that was seen in one arm only compares with nothing of its own.
    both = (kept & treated).any(axis=1) & (kept & ~treated).any(axis=1)
    kept &= both[:, None]
    stretch = stretch + (np.arange(len(outcome)) * outcome.shape[1])[:, None]
    counts = [len(np.unique(stretch[kept & arm])) for arm in (treated, ~treated)]
    _require_stretches(counts, washout=washout)
    fit = cluster_robust(_columns(treated, kept), outcome[kept], stretch[kept])
    vector = Vector(
        periods=[period],
        point=fit.point[:1],
        covariance=fit.covariance[:1, :1],
        volume=np.array([float(treated.sum())]),
        observed=np.array([float(outcome[kept & treated].mean())]),
        degrees_of_freedom=fit.degrees_of_freedom,
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=counts[0],
        n_control=counts[1],
        design="randomized",
        scale="additive",
        estimator=("switchback", VERSION),
    )


def _columns(treated: Booleans, kept: Booleans) -> Floats:
    """Return the arm, and a level for each unit."""
    unit = np.broadcast_to(np.arange(len(kept))[:, None], kept.shape)[kept]
    seen = np.unique(unit)
    if len(seen) > UNITS_MAX:
        raise NotEstimable(f"{len(seen)} units, at most {UNITS_MAX}: read them in groups")
    levels = (unit[:, None] == seen).astype(np.float64)
    return np.column_stack([treated[kept].astype(np.float64), levels])


def stretch_counts(treated: Booleans) -> Sequence[int]:
    """Return how many stretches there are with the AI and without, over all units."""
    stretch, _ = _stretches(treated)
    stretch = stretch + (np.arange(len(treated)) * treated.shape[1])[:, None]
    return [len(np.unique(stretch[arm])) for arm in (treated, ~treated)]


def _stretches(treated: Booleans) -> tuple[Integers, Integers]:
    """Return the number of each cell's stretch, and the periods since it began."""
    switched = np.diff(treated.astype(np.int64), axis=1, prepend=treated[:, :1]) != 0
    position = np.arange(treated.shape[1])
    begun = np.maximum.accumulate(np.where(switched, position, 0), axis=1)
    return switched.cumsum(axis=1).astype(np.int64), (position - begun).astype(np.int64)


def _require_stretches(counts: Sequence[int], *, washout: int) -> None:
    for name, n in zip(("with the AI", "without"), counts, strict=True):
        if n < STRETCHES_MIN:
            raise NotEstimable(
                f"{n} stretches {name} longer than the washout of {washout}, needs {STRETCHES_MIN}",
                verdict="below_sample_floor",
            )
