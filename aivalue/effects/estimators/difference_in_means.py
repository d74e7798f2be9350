"""Difference in means (or ratios) between randomized arms, from sufficient statistics alone.

Randomized by event: within each unit, treatment minus control, averaged over units by treated
volume; events are independent. Randomized by unit: treated units minus control units, each unit
one cluster over all months, however its events depend on each other. A ratio of sums gets its
variance by the delta method, of which a mean is the special case with a constant denominator.

Source: Welch (1947), "The Generalization of Student's Problem", Biometrika 34 28-35; Deng,
Knoblich & Lu (2018), "Applying the Delta Method in Metric Analytics", KDD, for ratios; Miratrix,
Sekhon & Yu (2013), "Adjusting Treatment Effect Estimates by Post-Stratification", JRSS B 75(2).
"""

from collections.abc import Sequence

import numpy as np

from aivalue.effects.arms.own_intervals import OwnInterval, own_shares, widened
from aivalue.effects.effect import Effect, Period
from aivalue.effects.panel import Booleans, Cells, Floats
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable

VERSION = "3"
EVENTS_MIN = 2  # A variance needs two events in each arm.
UNITS_MIN = 2  # ... or two units, where units were randomized.
SHARE_DROPPED_MAX = 0.10  # Treated volume without a control beside it.


def difference_in_means(
    treated: Cells, control: Cells, *, periods: Sequence[Period], confidence: float = 0.95
) -> Effect:
    """Estimate the effect where events were randomized within units.

    Assumes that assignment was random within a unit and month, and that one event's arm does not
    change another event's outcome. A unit-month without both arms has no comparison: it is left
    out, volume and all.

    Parameters
    ----------
    treated, control : shape (n_units, n_periods)
        One cell per unit and period, of the same units in the same order.

    Raises
    ------
    NotEstimable
        More than a tenth of the treated volume has no control beside it, or nothing varies.
    """
    usable = (treated.n >= EVENTS_MIN) & (control.n >= EVENTS_MIN)
    usable &= (treated.x > 0) & (control.x > 0)
    _require_comparison(treated, usable)
    kept = np.asarray(usable.any(axis=0))
    level, variance = _ratio_and_variance(treated, usable)
    level_control, variance_control = _ratio_and_variance(control, usable)

    volume = np.where(usable, treated.x, 0.0).sum(axis=0)
    share = np.where(usable, treated.x, 0.0) / np.where(volume > 0, volume, 1.0)
    point = (share * (level - level_control)).sum(axis=0)
    observed_variance = (share**2 * variance).sum(axis=0)
    point_variance = observed_variance + (share**2 * variance_control).sum(axis=0)

    # Welch-Satterthwaite for the total, in which a stratum weighs by its treated volume.
    weight = np.where(usable, treated.x, 0.0) ** 2
    parts = np.stack([weight * variance, weight * variance_control])
    counts = np.stack([treated.n, control.n])
    vector = Vector(
        periods=[period for period, keep in zip(periods, kept, strict=True) if keep],
        point=point[kept],
        covariance=np.diag(point_variance[kept]),
        volume=volume[kept],
        observed=(share * level).sum(axis=0)[kept],
        degrees_of_freedom=_satterthwaite(parts, counts),
        observed_covariance=np.diag(observed_variance[kept]),
        cross_covariance=np.diag(observed_variance[kept]),
    )
    own = _own_shares(treated, control, usable, confidence)
    return effect_of(
        vector if own is None else widened(vector, *own, confidence=confidence),
        confidence=confidence,
        n_treated=int(treated.n[usable].sum()),
        n_control=int(control.n[usable].sum()),
        design="randomized",
        scale="additive",
        estimator=("difference_in_means", VERSION),
    )


def difference_in_means_by_unit(
    treated: Cells, control: Cells, *, periods: Sequence[Period], confidence: float = 0.95
) -> Effect:
    """Estimate the effect where units were randomized; the unit is the cluster over all periods.

    Assumes that units were assigned at random and do not influence each other. A unit that was
    not measured in any period says nothing of how units vary, and is left out.

    Parameters
    ----------
    treated : shape (n_treated, n_periods)
    control : shape (n_control, n_periods)
        A unit without measurements in a period has x = 0 there.

    Raises
    ------
    NotEstimable
        An arm has fewer than two units in the periods that both arms have, or nothing varies.
    """
    kept = (treated.x.sum(axis=0) > 0) & (control.x.sum(axis=0) > 0)
    treated, control = (
        arm.of(np.asarray((arm.x[:, kept] > 0).any(axis=1))) for arm in (treated, control)
    )
    for name, arm in (("treatment", treated), ("control", control)):
        if len(arm.x) < UNITS_MIN:
            raise NotEstimable(
                f"{name} arm has {len(arm.x)} units in periods with both arms, needs {UNITS_MIN}",
                verdict="below_sample_floor",
            )
    level, influence = _clustered_ratio(treated, kept)
    level_control, influence_control = _clustered_ratio(control, kept)

    volume = treated.x.sum(axis=0)[kept]
    observed_covariance = influence.T @ influence
    covariance_control = influence_control.T @ influence_control
    parts = np.array([volume @ observed_covariance @ volume, volume @ covariance_control @ volume])
    vector = Vector(
        periods=[period for period, keep in zip(periods, kept, strict=True) if keep],
        point=level - level_control,
        covariance=observed_covariance + covariance_control,
        volume=volume,
        observed=level,
        degrees_of_freedom=_satterthwaite(parts, np.array([len(treated.x), len(control.x)])),
        observed_covariance=observed_covariance,
        cross_covariance=observed_covariance,
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=len(treated.x),
        n_control=len(control.x),
        design="randomized",
        scale="additive",
        estimator=("difference_in_means_by_unit", VERSION),
    )


def _own_shares(
    treated: Cells, control: Cells, usable: Booleans, confidence: float
) -> tuple[OwnInterval, OwnInterval] | None:
    """Return the arms' own intervals if events are successes or failures, and few."""
    for arm in (treated, control):
        y, n = arm.y[usable], arm.n[usable]
        is_share = (arm.x[usable] == n).all() and ((y >= 0) & (y <= n)).all()
        # Noughts and ones are their own squares.
        if not is_share or not np.allclose(arm.yy[usable], y - y**2 / n, rtol=1e-9, atol=1e-9):
            return None
    counts = [
        (float(arm.y[usable].sum()), float(arm.n[usable].sum())) for arm in (treated, control)
    ]
    return own_shares(*counts, confidence=confidence)


def _ratio_and_variance(arm: Cells, usable: Booleans) -> tuple[Floats, Floats]:
    # The sum of y - r x is zero in its own cell, so moments about the means are all it takes.
    x = np.where(usable, arm.x, 1.0)
    n = np.where(usable, arm.n, 2.0)
    ratio = np.where(usable, arm.y, 0.0) / x
    squares = arm.yy - 2 * ratio * arm.xy + ratio**2 * arm.xx
    variance = np.where(usable, np.maximum(squares, 0.0), 0.0) * n / (n - 1) / x**2
    return ratio, variance


def _clustered_ratio(arm: Cells, kept: Booleans) -> tuple[Floats, Floats]:
    y, x = arm.y[:, kept], arm.x[:, kept]
    volume = x.sum(axis=0)
    ratio = y.sum(axis=0) / volume
    n_units = len(x)
    influence = (y - ratio * x) / volume * np.sqrt(n_units / (n_units - 1))
    return ratio, influence


def _satterthwaite(parts: Floats, counts: Floats) -> float:
    # In shares of the variance, so that no square can underflow.
    variance = parts.sum()
    if not variance > 0:
        return float("inf")
    shares = parts / variance
    return float(1 / (shares**2 / np.maximum(counts - 1, 1)).sum())


def _require_comparison(treated: Cells, usable: Booleans) -> None:
    volume = treated.x.sum()
    if not (volume > 0 and usable.any()):
        raise NotEstimable("no unit has both arms in a period", verdict="below_sample_floor")
    dropped = 1 - float(treated.x[usable].sum() / volume)
    if dropped > SHARE_DROPPED_MAX:
        raise NotEstimable(
            f"{dropped:.0%} of the treated volume has no control beside it, at most "
            f"{SHARE_DROPPED_MAX:.0%} may"
        )
