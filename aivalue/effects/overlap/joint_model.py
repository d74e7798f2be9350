"""One model of all initiatives on a KPI: what each set of them that was ever at work brought.

Unit and period levels are fitted to cells in which no initiative was at work; a cell's effect is
its outcome less that level, and a set's effect the mean over its cells, weighted by volume. What
initiatives do jointly is thereby counted once, whatever each would do alone, and effects that
grow or differ between units bias no total.

Source: Borusyak, Jaravel & Spiess (2024), REStud 91(6), for imputation; Gardner (2022), arXiv
2207.05943, for a second stage on sets of treatments; Wooldridge (2023), Econometrics Journal
26(3), for the proportional scale. Uncertainty: `aivalue.effects.error_models.dependence`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from aivalue.effects.effect import Scale
from aivalue.effects.error_models.dependence import covariance_of, dependence_of
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.effects.two_way import TwoWay, contributions, fit_two_way
from aivalue.errors import NotEstimable

CONTROLS_MIN = 2  # One unit cannot be told from its period.
SHARE_DROPPED_MAX = 0.10  # Volume with initiatives that nothing answers for.
INITIATIVES_MAX = 62  # Sets are bits of an integer.

Coalition = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointCells:
    """A panel split by what was at work; volume is 0 where there is no such part of a cell.

    Attributes
    ----------
    initiatives : in alphabetical order
        Also those that were never at work.
    sets : length n_sets
        Of initiatives that were at work together somewhere, none of them empty.
    y_untreated, x_untreated : shape (n_units, n_periods)
        Numerator and volume without any initiative.
    y, x : shape (n_sets, n_units, n_periods)
        With exactly that set at work. A month in which one starts may have several parts.
    """

    initiatives: tuple[str, ...]
    sets: tuple[Coalition, ...]
    y_untreated: Floats
    x_untreated: Floats
    y: Floats
    x: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class JointModel:
    """Effects of the sets of initiatives that were at work somewhere, per period.

    Attributes
    ----------
    initiatives : in alphabetical order
    sets : length n_sets
    support : shape (n_sets,)
        Unit-periods on which exactly that set was at work.
    set_of, period_of : shape (n_pieces,)
        Of which set, and of which column of the panel, each effect is.
    effect : shape (n_pieces,)
        Against no initiative, per unit of volume.
    covariance : shape (n_pieces, n_pieces)
        Scale of the Student's t with `degrees_of_freedom` that `effect` is read with.
    volume, observed : shape (n_pieces,)
        What the effect applies to, and the level that was measured there.
    """

    initiatives: tuple[str, ...]
    sets: tuple[Coalition, ...]
    support: Integers
    set_of: Integers
    period_of: Integers
    effect: Floats
    covariance: Floats
    degrees_of_freedom: float
    volume: Floats
    observed: Floats

    def volume_of_sets(self) -> Floats:
        """Return each set's volume over all periods."""
        return np.bincount(self.set_of, self.volume, len(self.sets)).astype(np.float64)

    def pooled(self) -> Floats:
        """Return the weights, n_sets x n_pieces, that make each set's effect over all periods."""
        weights = np.zeros((len(self.sets), len(self.volume)))
        weights[self.set_of, np.arange(len(self.volume))] = self.volume
        return weights / self.volume_of_sets()[:, None]


def joint_model(level: Floats, volume: Floats, at_work: Mapping[str, Booleans]) -> JointModel:
    """Fit the model to a panel in which an initiative is at work in a whole cell or not at all.

    Parameters
    ----------
    level, volume : shape (n_units, n_periods)
        KPI and what it is averaged over; volume 0 where not measured.
    at_work : per initiative, shape (n_units, n_periods)

    Raises
    ------
    NotEstimable
        As `fit_joint`.
    """
    mask = sets_at_work(at_work, level.shape)
    names = tuple(sorted(at_work))
    y = np.where(volume > 0, level, 0.0) * volume
    found = np.unique(mask[(mask > 0) & (volume > 0)])
    inside = mask == found[:, None, None]
    return fit_joint(
        JointCells(
            initiatives=names,
            sets=tuple(members_of(int(one), names) for one in found),
            y_untreated=np.where(mask == 0, y, 0.0),
            x_untreated=np.where(mask == 0, volume, 0.0),
            y=inside * y,
            x=inside * volume,
        )
    )


def sets_at_work(at_work: Mapping[str, Booleans], shape: tuple[int, ...]) -> Integers:
    """Return which initiatives are at work as bits, the first name's the lowest."""
    if not 0 < len(at_work) <= INITIATIVES_MAX:
        raise NotEstimable(f"{len(at_work)} initiatives on one KPI, at most {INITIATIVES_MAX}")
    mask = np.zeros(shape, np.int64)
    for bit, name in enumerate(sorted(at_work)):
        mask |= at_work[name].astype(np.int64) << bit
    return mask


def members_of(mask: int, names: tuple[str, ...]) -> Coalition:
    """Return the initiatives that bits stand for."""
    return frozenset(name for bit, name in enumerate(names) if mask >> bit & 1)


def fit_joint(cells: JointCells, *, scale: Scale = "additive") -> JointModel:
    """Fit the model.

    Assumes parallel trends: without any initiative, all units would have moved alike (in ratio
    where the scale is proportional); and that no unit reacts before an initiative is at work there.

    Raises
    ------
    NotEstimable
        Nothing was at work yet, or more than a tenth of its volume is on units or in periods
        without cells to compare with.
    """
    kept, answered = _answered(cells)
    grid = np.ix_(kept, answered)
    y_untreated, x_untreated = cells.y_untreated[grid], cells.x_untreated[grid]
    y, x = cells.y[:, kept][:, :, answered], cells.x[:, kept][:, :, answered]
    levels = fit_two_way(y_untreated, x_untreated, scale=scale)

    by_piece = x.sum(axis=1)
    set_of, column = np.nonzero(by_piece > 0)
    volume = by_piece[set_of, column]
    observed = y.sum(axis=1)[set_of, column] / volume
    expected = (x * levels.rate).sum(axis=1)[set_of, column] / volume
    with_any = (x * levels.spread).sum()
    ratio = float(y.sum() / with_any) if scale == "proportional" else 1.0
    covariance, freedom = _uncertainty(
        levels, (y_untreated, x_untreated), x, (set_of, column), ratio=ratio
    )
    if not np.diag(covariance).max() > 0:
        raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
    seen = np.unique(set_of)
    return JointModel(
        initiatives=cells.initiatives,
        sets=tuple(cells.sets[one] for one in seen),
        support=(x > 0).sum(axis=(1, 2))[seen],
        set_of=np.searchsorted(seen, set_of),
        period_of=np.flatnonzero(answered)[column],
        effect=observed - expected,
        covariance=covariance,
        degrees_of_freedom=freedom,
        volume=volume,
        observed=observed,
    )


def _uncertainty(
    levels: TwoWay,
    untreated: tuple[Floats, Floats],
    volume: Floats,
    pieces: tuple[Integers, Integers],
    *,
    ratio: float,
) -> tuple[Floats, float]:
    """Return the scale of the pieces' effects; each is a mean over the units of one column."""
    y, x = untreated
    set_of, column = pieces
    weight = x * levels.spread
    of_piece = volume[set_of, :, column]
    whole = of_piece.sum(axis=1, keepdims=True)
    spread = levels.spread[:, column].T
    gradient = np.zeros((len(column), *x.shape))
    gradient[np.arange(len(column)), :, column] = of_piece * spread / whole
    on_untreated = -contributions(weight, gradient)
    # Pieces have no cell in common, so the noise on treated cells is each one's own.
    own = ratio * (of_piece * spread).sum(axis=1) / whole[:, 0] ** 2
    noise = np.einsum("fut,ut,gut->fg", on_untreated, weight, on_untreated, optimize=True)
    noise += np.diag(own)
    paths = on_untreated * weight + ratio * gradient
    surprise = (y - x * levels.rate) / np.where(weight > 0, weight, 1.0)
    return covariance_of(dependence_of(surprise, weight), noise[None], paths)


def _answered(cells: JointCells) -> tuple[Booleans, Booleans]:
    """Return the units with a cell without initiatives, and the periods with two."""
    without = cells.x_untreated > 0
    with_any = cells.x.sum(axis=0)
    total = float(with_any.sum())
    if not total > 0:
        raise NotEstimable("no initiative has been at work yet", verdict="too_early")
    answered: Booleans = np.asarray(without.sum(axis=0) >= CONTROLS_MIN)
    kept: Booleans = np.asarray((without & answered).any(axis=1))
    share = 1 - float(with_any[np.ix_(kept, answered)].sum()) / total
    if share > SHARE_DROPPED_MAX:
        raise NotEstimable(
            f"{share:.0%} of the volume with initiatives is on units that always had one, or in "
            f"periods with fewer than {CONTROLS_MIN} units without, at most "
            f"{SHARE_DROPPED_MAX:.0%} may be"
        )
    return kept, answered
