"""What effects the history itself would hide: trials that never happened, drawn from its weeks.

In every draw some units are pretended to get the AI, in random order, and the weeks before and
during the trial are put together from blocks of weeks of the history, the same blocks for all
units. So noise, its autocorrelation and what units share are those of the history and no
distribution is assumed. Where no draw has an effect, the estimates show what chance does; the
smallest effect that is seen is the one that lifts `power` of them past the critical value.

Source: Kuensch (1989), "The jackknife and the bootstrap for general stationary observations",
Annals of Statistics 17(3), for blocks; Bertrand, Duflo & Mullainathan (2004), QJE 119(1), for
pretended trials.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aivalue.baselines.readiness.weekly import Floats, Weeks, lags_of
from aivalue.kpis.plan import BetterWhen

DRAWS, SEED = 2_000, 20_260_101
# Draws at a time, so that a thousand units fit into memory.
_CELLS_MAX = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PretendedTrial:
    """Which effect a trial must have: after against before, treated against others."""

    n_weeks: int
    scale: Literal["additive", "proportional"]
    better_when: BetterWhen
    confidence: float
    power: float


def simulated_effects(weeks: Weeks, trial: PretendedTrial) -> Floats:
    """Return the smallest effect seen with 1, 2, ... all units, as a share of the level.

    Returns
    -------
    shape (n_units,), NaN where draws have no level to compare with. With all units treated there
    are no others, and their own weeks before are all there is.
    """
    rng = np.random.default_rng(SEED)
    n_units = len(weeks.units)
    at_once = max(1, min(DRAWS, _CELLS_MAX // n_units))
    estimates = np.concatenate(
        [
            _estimates(weeks, trial, rng=rng, n_draws=min(at_once, DRAWS - done))
            for done in range(0, DRAWS, at_once)
        ]
    )
    with np.errstate(invalid="ignore"):
        critical = np.quantile(np.abs(estimates), trial.confidence, axis=0)
        lifted = _quantile(estimates, trial)
    needed = critical + np.maximum(lifted, 0.0)
    if trial.scale == "additive":
        return np.asarray(needed / abs(weeks.mean_level()))
    return np.asarray(-np.expm1(-needed) if trial.better_when == "lower" else np.expm1(needed))


def block_weeks(n_weeks: int) -> int:
    """Return the length of a block: weeks of one block keep the correlation that counts."""
    return lags_of(n_weeks) + 1


def _quantile(estimates: Floats, trial: PretendedTrial) -> Floats:
    """How far chance pushes the estimate away from the effect in all but `power` of the draws."""
    if trial.better_when == "lower":
        return np.asarray(np.quantile(estimates, trial.power, axis=0))
    return np.asarray(-np.quantile(estimates, 1 - trial.power, axis=0))


def _estimates(
    weeks: Weeks, trial: PretendedTrial, *, rng: np.random.Generator, n_draws: int
) -> Floats:
    """Return estimates without any effect; shape (n_draws, n_units)."""
    n_units = len(weeks.units)
    starts = [
        rng.integers(0, weeks.n_weeks, size=(n_draws, -(-length // block_weeks(weeks.n_weeks))))
        for length in (weeks.n_weeks, trial.n_weeks)
    ]
    order = rng.permuted(np.tile(np.arange(n_units), (n_draws, 1)), axis=1)
    before, after = (
        _levels(weeks, starts[position], length=length, order=order)
        for position, length in enumerate((weeks.n_weeks, trial.n_weeks))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        if trial.scale == "proportional":
            (treated_before, others_before), (treated, others) = (
                (np.log(each[0]), np.log(each[1])) for each in (before, after)
            )
        else:
            (treated_before, others_before), (treated, others) = before, after
        estimates = treated - treated_before
        estimates[:, :-1] -= (others - others_before)[:, :-1]
    # A draw without a level says nothing; it counts as one that sees nothing.
    return np.asarray(np.nan_to_num(estimates, nan=0.0, posinf=np.inf, neginf=-np.inf))


def _levels(
    weeks: Weeks, starts: NDArray[np.int64], *, length: int, order: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return levels of the first n units of each order together, and of the others."""
    top, bottom = (
        np.take_along_axis(_drawn(cells, starts, length), order, axis=1).cumsum(axis=1)
        for cells in (weeks.top, weeks.bottom)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return top / bottom, (top[:, -1:] - top) / (bottom[:, -1:] - bottom)


def _drawn(cells: Floats, starts: NDArray[np.int64], length: int) -> Floats:
    """Add up blocks of weeks by unit; shape (n_draws, n_units). Weeks go round in a circle."""
    n_weeks = cells.shape[1]
    summed = np.concatenate(
        [np.zeros((cells.shape[0], 1)), np.cumsum(np.tile(cells, (1, 2)), axis=1)], axis=1
    )
    total = np.zeros((starts.shape[0], cells.shape[0]))
    left = length
    for block in starts.T:
        size = min(block_weeks(n_weeks), left)
        total += (summed[:, block + size] - summed[:, block]).T
        left -= size
    return total
