"""Difference-in-differences by unit under a phased rollout: impute what treated cells would be.

Unit and month levels are fitted to untreated cells alone (never treated, and not yet treated),
so a unit that already has the AI is never the control of another one. Treated cells are compared
with the level their unit and month imply; the effect of a calendar month is the mean difference,
weighted by volume. On the proportional scale season and shocks multiply, on the additive scale
they add. All months share the pre-period, hence the full covariance matrix.

Source: Borusyak, Jaravel & Spiess (2024), "Revisiting Event-Study Designs: Robust and Efficient
Estimation", REStud 91(6) 3253-3285; Wooldridge (2023), Econometrics Journal 26(3), for the
proportional scale. Inference as in `aivalue.effects.error_models.dependence`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aivalue.effects.effect import Design, Effect, Period, Scale
from aivalue.effects.error_models.dependence import covariance_of, dependence_of, noise_by_side
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.effects.two_way import TwoWay, contributions, fit_two_way
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable

VERSION = "3"
CONTROLS_MIN = 2  # One unit cannot be told from its month.
SHARE_DROPPED_MAX = 0.10  # Treated volume on units without a pre-period.
FEW_TREATED_MAX = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A panel split by status; volume is 0 where there is no such part of a cell.

    Attributes
    ----------
    y_untreated, x_untreated : shape (n_units, n_periods)
        Numerator and volume without AI: never treated, not yet treated, or before go-live.
    y_treated, x_treated : shape (n_units, n_periods)
        With AI. A month in which a unit went live has both parts.
    """

    periods: tuple[Period, ...]
    units: tuple[str, ...]
    y_untreated: Floats
    x_untreated: Floats
    y_treated: Floats
    x_treated: Floats


def difference_in_differences(
    rollout: Rollout, *, scale: Scale, confidence: float = 0.95
) -> Effect:
    """Estimate the effect on the treated per month.

    Assumes parallel trends: without AI, treated units would have moved as the untreated did, in
    ratio (proportional) or in level (additive); and that no unit reacts before it has the AI.

    Raises
    ------
    NotEstimable
        No month has two untreated units beside a treated one with a pre-period, or more than a
        tenth of the treated volume is on units without a pre-period in months that have them, or
        nothing varies.
    """
    treated = _answered(rollout)
    fitted = rollout.x_untreated.sum(axis=1) > 0
    months = rollout.x_untreated.sum(axis=0) > 0
    y, x = (part[np.ix_(fitted, months)] for part in (rollout.y_untreated, rollout.x_untreated))
    with_ai = np.where(treated, rollout.y_treated, 0.0)[np.ix_(fitted, months)]
    volume = np.where(treated, rollout.x_treated, 0.0)[np.ix_(fitted, months)]
    shown = np.flatnonzero(volume.sum(axis=0) > 0)
    levels = fit_two_way(y, x, scale=scale)

    by_month = volume.sum(axis=0)[shown]
    observed = with_ai.sum(axis=0)[shown] / by_month
    without = (volume * levels.rate).sum(axis=0)[shown] / by_month
    ratio = float(with_ai.sum() / max((volume * levels.spread).sum(), np.finfo(float).tiny))
    covariance, freedom = _uncertainty(
        levels, (y, x), volume, shown, ratio=ratio if scale == "proportional" else 1.0
    )

    periods = [period for period, kept in zip(rollout.periods, months, strict=True) if kept]
    n_shown = len(shown)
    n_treated = int((volume.sum(axis=1) > 0).sum())
    design: Design = "few_treated" if n_treated <= FEW_TREATED_MAX else "staggered"
    vector = Vector(
        periods=[periods[index] for index in shown],
        point=observed - without,
        covariance=covariance[:n_shown, :n_shown],
        volume=by_month,
        observed=observed,
        degrees_of_freedom=freedom,
        observed_covariance=covariance[n_shown:, n_shown:],
        cross_covariance=covariance[:n_shown, n_shown:],
    )
    return effect_of(
        vector,
        confidence=confidence,
        n_treated=n_treated,
        n_control=int((x[:, shown].sum(axis=1) > 0).sum()),
        design=design,
        scale=scale,
        estimator=("difference_in_differences", VERSION),
    )


def _uncertainty(
    levels: TwoWay,
    untreated: tuple[Floats, Floats],
    volume: Floats,
    shown: Integers,
    *,
    ratio: float,
) -> tuple[Floats, float]:
    """Return the covariance of (effect, observed level) per month, and degrees of freedom."""
    y, x = untreated
    weight = x * levels.spread
    weight_treated = volume * levels.spread
    by_month = volume.sum(axis=0)[shown]
    n_shown, n_periods = len(shown), x.shape[1]
    month = np.zeros((n_shown, n_periods))
    month[np.arange(n_shown), shown] = 1 / by_month
    gradient = month[:, None, :] * weight_treated
    on_untreated = -contributions(weight, gradient)
    on_treated = month[:, None, :] * (volume > 0)

    figures_untreated = np.concatenate([on_untreated, np.zeros_like(on_untreated)])
    figures_treated = np.concatenate([on_treated, on_treated])
    on_cells = figures_untreated * weight, figures_treated * ratio * weight_treated
    surprise = (y - x * levels.rate) / np.where(weight > 0, weight, 1.0)
    treated: Booleans = np.asarray(volume.sum(axis=1) > 0)
    dependence = dependence_of(surprise, weight, apart=treated)
    noise = noise_by_side(dependence, figures_untreated, on_cells[0])
    noise += noise_by_side(dependence, figures_treated, on_cells[1])
    return covariance_of(dependence, noise, on_cells[0] + on_cells[1])


def _answered(rollout: Rollout) -> Booleans:
    """Return the treated cells whose unit has a pre-period and whose month has controls."""
    treated = rollout.x_treated > 0
    total = float(rollout.x_treated.sum())
    if not total > 0:
        raise NotEstimable("no unit has been measured with the AI yet", verdict="too_early")
    controls = (rollout.x_untreated > 0).sum(axis=0)
    has_before = rollout.x_untreated.sum(axis=1) > 0
    months_answered = controls >= CONTROLS_MIN
    answered: Booleans = treated & months_answered & has_before[:, None]
    if not answered.any():
        raise NotEstimable(
            f"no month with treated units has {CONTROLS_MIN} untreated units beside them"
        )
    without_before = treated & months_answered & ~has_before[:, None]
    dropped = float(rollout.x_treated[without_before].sum()) / total
    if dropped > SHARE_DROPPED_MAX:
        names = _names(rollout.units, without_before.any(axis=1))
        raise NotEstimable(
            f"{dropped:.0%} of the treated volume is on units without a pre-period ({names}), "
            f"at most {SHARE_DROPPED_MAX:.0%} may"
        )
    return answered


def _names(units: Sequence[str], chosen: Booleans) -> str:
    named = [unit for unit, is_chosen in zip(units, chosen, strict=True) if is_chosen]
    return ", ".join(named[:5]) + (" ..." if len(named) > 5 else "")  # noqa: PLR2004 - a short list
