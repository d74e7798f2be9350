"""One model of all initiatives on a KPI: what each set of them that was ever at work brought.

Unit and period levels are fitted to cells in which no initiative was at work; a cell's effect is
its outcome less that level, and a set's effect the mean over its cells, weighted by volume. What
initiatives do jointly is thereby counted once, whatever each would do alone, and effects that
grow or differ between units bias no total.

Source: Borusyak, Jaravel & Spiess (2024), REStud 91(6), for imputation; Gardner (2022), arXiv
2207.05943, for a second stage on sets of treatments. Uncertainty: `aivalue.effects.dependence`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aivalue.effects.dependence import covariance_of, dependence_of
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.effects.two_way import contributions, fit_two_way
from aivalue.errors import NotEstimable

CONTROLS_MIN = 2  # One unit cannot be told from its period.
SHARE_DROPPED_MAX = 0.10  # Volume with initiatives that nothing answers for.
INITIATIVES_MAX = 62  # Sets are bits of an integer.


@dataclass(frozen=True, slots=True, kw_only=True)
class JointModel:
    """Effects of the sets of initiatives that were at work somewhere.

    Attributes
    ----------
    initiatives : in alphabetical order
    sets : length n_sets
    effect : shape (n_sets,)
        Against no initiative, per unit of volume.
    covariance : shape (n_sets, n_sets)
        Scale of the Student's t with `degrees_of_freedom` that `effect` is read with.
    volume, support : shape (n_sets,)
        Volume, and unit-periods, on which exactly that set was at work.
    """

    initiatives: tuple[str, ...]
    sets: tuple[frozenset[str], ...]
    effect: Floats
    covariance: Floats
    degrees_of_freedom: float
    volume: Floats
    support: Integers


def joint_model(level: Floats, volume: Floats, at_work: Mapping[str, Booleans]) -> JointModel:
    """Fit the model.

    Assumes parallel trends: without any initiative, all units would have moved alike; and that no
    unit reacts before an initiative is at work there.

    Parameters
    ----------
    level, volume : shape (n_units, n_periods)
        KPI and what it is averaged over; volume 0 where not measured.
    at_work : per initiative, shape (n_units, n_periods)

    Raises
    ------
    NotEstimable
        Nothing was at work yet, or more than a tenth of its volume is on units or in periods
        without cells to compare with.
    """
    names = tuple(sorted(at_work))
    if not 0 < len(names) <= INITIATIVES_MAX:
        raise NotEstimable(f"{len(names)} initiatives on one KPI, at most {INITIATIVES_MAX}")
    mask = np.zeros(level.shape, np.int64)
    for bit, name in enumerate(names):
        mask |= at_work[name].astype(np.int64) << bit
    kept, answered = _answered(volume, mask)
    grid = np.ix_(kept, answered)
    mask, x = mask[grid], volume[grid]
    y = np.where(x > 0, level[grid], 0.0) * x
    without: Booleans = (mask == 0) & (x > 0)
    with_any: Booleans = (mask > 0) & (x > 0)
    levels = fit_two_way(np.where(without, y, 0.0), np.where(without, x, 0.0), scale="additive")

    found = np.unique(mask[with_any])
    inside = (mask == found[:, None, None]) & with_any
    by_set = (inside * x).sum(axis=(1, 2))
    surprise = y - x * levels.rate
    effect = (inside * surprise).sum(axis=(1, 2)) / by_set
    untreated = np.where(without, x, 0.0)
    covariance, freedom = _uncertainty(
        np.where(without, surprise, 0.0), untreated, x, inside / by_set[:, None, None]
    )
    if not np.diag(covariance).max() > 0:
        raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
    return JointModel(
        initiatives=names,
        sets=tuple(
            frozenset(name for bit, name in enumerate(names) if int(one) >> bit & 1)
            for one in found
        ),
        effect=effect,
        covariance=covariance,
        degrees_of_freedom=freedom,
        volume=by_set,
        support=inside.sum(axis=(1, 2)),
    )


def _uncertainty(
    surprise: Floats, untreated: Floats, volume: Floats, mean: Floats
) -> tuple[Floats, float]:
    """Return the scale of the sets' effects; `mean` is sets x units x periods."""
    on_untreated = -contributions(untreated, mean * volume)
    paths = on_untreated * untreated + mean * volume
    noise = np.einsum("fut,ut,gut->fg", on_untreated, untreated, on_untreated, optimize=True)
    noise += np.einsum("fut,ut,gut->fg", mean, volume, mean, optimize=True)
    relative = surprise / np.where(untreated > 0, untreated, 1.0)
    return covariance_of(dependence_of(relative, untreated), noise, paths)


def _answered(volume: Floats, mask: Integers) -> tuple[Booleans, Booleans]:
    """Return the units with a cell without initiatives, and the periods with two."""
    seen = volume > 0
    without = seen & (mask == 0)
    with_any = seen & (mask > 0)
    total = float(volume[with_any].sum())
    if not total > 0:
        raise NotEstimable("no initiative has been at work yet", verdict="too_early")
    answered: Booleans = np.asarray(without.sum(axis=0) >= CONTROLS_MIN)
    kept: Booleans = np.asarray((without & answered).any(axis=1))
    share = 1 - float(volume[with_any & kept[:, None] & answered].sum()) / total
    if share > SHARE_DROPPED_MAX:
        raise NotEstimable(
            f"{share:.0%} of the volume with initiatives is on units that always had one, or in "
            f"periods with fewer than {CONTROLS_MIN} units without, at most "
            f"{SHARE_DROPPED_MAX:.0%} may be"
        )
    return kept, answered
