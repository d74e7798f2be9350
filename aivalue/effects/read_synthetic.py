"""Few treated units against a weighted mix of donors, with the checks that belong to it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.leave_one_donor_out import leave_one_donor_out
from aivalue.effects.checks.placebo_in_space import placebo_in_space
from aivalue.effects.checks.weight_concentration import weight_concentration
from aivalue.effects.effect import Effect, Interval, Period
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    SyntheticDifference,
    average_without,
    synthetic_difference_in_differences,
)
from aivalue.effects.estimators.synthetic_effect import synthetic_difference_effect
from aivalue.effects.functional import average
from aivalue.effects.panel import Cells, Floats
from aivalue.errors import NotEstimable

MONTHS_LEFT_OUT = 3  # Next to go-live: a bad quarter that called for the AI must not be its past.


def read_synthetic_difference(
    with_ai: Cells, without: Cells, *, periods: Sequence[Period], confidence: float
) -> tuple[Effect, Callable[[], tuple[CheckResult, ...]]]:
    """Estimate per month; treated units count by their volume with the AI.

    The second part runs the checks.

    Parameters
    ----------
    with_ai, without : shape (n_units, n_periods)
        The same units and months; of the month in which units go live, only the days with the AI
        count for them.
    """
    is_treated = with_ai.x.sum(axis=1) > 0
    after = with_ai.x.sum(axis=0) > 0
    first = int(np.argmax(after))
    before = np.arange(max(first - MONTHS_LEFT_OUT, 0))
    columns = np.concatenate([before, np.flatnonzero(after)])
    y, x = without.y + 0.0, without.x + 0.0
    y[is_treated], x[is_treated] = (
        np.where(after, with_ai.y, without.y)[is_treated],
        np.where(after, with_ai.x, without.x)[is_treated],
    )
    x, y = x[:, columns], y[:, columns]
    donors = ~is_treated & (x > 0).all(axis=1)
    if not (x[is_treated] > 0).all():
        raise NotEstimable("a treated unit was not measured in every month")
    share = with_ai.x[is_treated].sum(axis=1) / with_ai.x.sum()
    treated = (share @ (y[is_treated] / x[is_treated]))[None]
    others = y[donors] / x[donors]
    found = synthetic_difference_in_differences(treated, others, len(before))
    volume = with_ai.x.sum(axis=0)[after]
    effect = synthetic_difference_effect(
        found,
        with_ai.y.sum(axis=0)[after] / volume,
        volume,
        periods=[period for period, keep in zip(periods, after, strict=True) if keep],
        confidence=confidence,
    )
    # Several treated units are their weighted mean: the noise of one, times the squared weights.
    shrink = float((share**2).sum())
    effect = replace(
        effect,
        covariance=tuple(tuple(cell * shrink for cell in row) for row in effect.covariance),
        n_treated=int(is_treated.sum()),
    )
    return effect, lambda: doubts_of(found, treated, others, len(before), average(effect))


def doubts_of(
    found: SyntheticDifference, treated: Floats, donors: Floats, n_before: int, figure: Interval
) -> tuple[CheckResult, ...]:
    """Run the checks of a synthetic difference."""
    is_claimed = not figure.low <= 0 <= figure.high
    # Levels are differenced out, so only movements around the mean gap count as a miss.
    gap = treated[:, :n_before].mean(axis=0) - found.unit_weights @ donors[:, :n_before]
    return (
        placebo_in_space(found.average, found.placebos.mean(axis=1), is_claimed=is_claimed),
        leave_one_donor_out(
            found.average,
            found.unit_weights,
            lambda row: average_without(treated, donors, n_before, row, like=found),
            is_claimed=is_claimed,
        ),
        weight_concentration(found.unit_weights, gap - gap.mean(), found.noise),
    )
