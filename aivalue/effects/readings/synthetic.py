"""Few treated units against a weighted mix of donors, with the checks that belong to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.conformal import conformal_check, conformal_over_time
from aivalue.effects.checks.drifting_apart import drifting_apart
from aivalue.effects.checks.leave_one_donor_out import leave_one_donor_out
from aivalue.effects.checks.placebo_in_space import placebo_in_space
from aivalue.effects.checks.residual_autocorrelation import residual_autocorrelation
from aivalue.effects.checks.unequal_scatter import unequal_scatter
from aivalue.effects.checks.weight_concentration import weight_concentration
from aivalue.effects.effect import Effect, Period
from aivalue.effects.error_models.scatter import scatter_of
from aivalue.effects.estimators.conformal_control import (
    conformal_effect,
    conformal_synthetic_control,
)
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    SyntheticDifference,
    average_without,
    synthetic_difference_in_differences,
)
from aivalue.effects.estimators.synthetic_effect import synthetic_difference_effect
from aivalue.effects.functional import average
from aivalue.effects.panel import Cells, Floats
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval

MONTHS_LEFT_OUT = 3  # Next to go-live: a bad quarter that called for the AI must not be its past.


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Treated units as their weighted mean, beside donors.

    Attributes
    ----------
    treated : shape (n_columns,), donors : shape (n_donors, n_columns)
        Levels in the months before, the last three left out, and in those with the AI.
    share : shape (n_treated,)
        Of each treated unit in the volume with the AI.
    volume, observed : shape (n_after,)
    """

    treated: Floats
    donors: Floats
    n_before: int
    share: Floats
    volume: Floats
    observed: Floats
    periods: tuple[Period, ...]

    @property
    def n_alike(self) -> float:
        """How many treated units, alike in weight, have a mean that varies as this one does."""
        return 1 / float((self.share**2).sum())


def block_of(with_ai: Cells, without: Cells, *, periods: Sequence[Period]) -> Block:
    """Return the months that are compared; treated units count by their volume with the AI.

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
    volume = with_ai.x.sum(axis=0)[after]
    return Block(
        treated=share @ (y[is_treated] / x[is_treated]),
        donors=y[donors] / x[donors],
        n_before=len(before),
        share=share,
        volume=volume,
        observed=with_ai.y.sum(axis=0)[after] / volume,
        periods=tuple(period for period, keep in zip(periods, after, strict=True) if keep),
    )


def read_synthetic_difference(
    block: Block, *, confidence: float
) -> tuple[Effect, Callable[[], tuple[CheckResult, ...]]]:
    """Estimate per month; the second part runs the checks."""
    treated = block.treated[None]
    found = replace(
        synthetic_difference_in_differences(treated, block.donors, block.n_before),
        n_treated=block.n_alike,
    )
    effect = replace(
        synthetic_difference_effect(
            found, block.observed, block.volume, periods=block.periods, confidence=confidence
        ),
        n_treated=len(block.share),
    )

    def doubts() -> tuple[CheckResult, ...]:
        figure = average(effect)
        found_doubts = doubts_of(found, treated, block.donors, block.n_before, figure)
        if len(block.share) > 1:
            return found_doubts
        over_time = conformal_over_time(
            block.treated,
            block.donors,
            _with_ai(block),
            confidence=confidence,
            is_claimed=figure.excludes_zero,
            free="level",
            penalty=found.penalty**2 * len(block.treated),
        )
        return (*found_doubts, over_time)

    return effect, doubts


def read_over_time(
    block: Block, *, confidence: float
) -> tuple[Effect, Callable[[], tuple[CheckResult, ...]]]:
    """Compare one unit with its own past, few donors taken off."""
    found = conformal_synthetic_control(
        block.treated, block.donors, block.n_before, weights=block.volume, confidence=confidence
    )
    effect = conformal_effect(
        found,
        block.observed,
        block.volume,
        periods=block.periods,
        n_donors=len(block.donors),
        n_treated=len(block.share),
        confidence=confidence,
    )
    figure = average(effect)
    is_claimed = figure.excludes_zero
    return effect, lambda: (
        conformal_check(found.average, confidence=confidence, is_claimed=is_claimed),
        drifting_apart(
            block.treated,
            block.donors,
            _with_ai(block),
            confidence=confidence,
            is_claimed=is_claimed,
        ),
        residual_autocorrelation(found.average.surprise),
    )


def _with_ai(block: Block) -> Floats:
    return (np.arange(len(block.treated)) >= block.n_before).astype(np.float64)


def doubts_of(
    found: SyntheticDifference,
    treated: Floats,
    donors: Floats,
    n_before: int,
    figure: Interval,
    *,
    is_allowed_for: bool = True,
) -> tuple[CheckResult, ...]:
    """Run the checks of a synthetic difference."""
    is_claimed = figure.excludes_zero
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
        unequal_scatter(scatter_of([found.past()]), is_allowed_for=is_allowed_for),
    )
