"""What every treated cell would have been without the AI, and what is left over.

Source: Borusyak, Jaravel & Spiess (2024), "Revisiting Event-Study Designs: Robust and Efficient
Estimation", Review of Economic Studies 91(6) 3253-3285, section 4.1.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.estimators.staggered import (
    SHARE_DROPPED_MAX,
    StaggeredPanel,
    names_of,
    products_of,
)
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.errors import NotEstimable

CONTROLS_MIN = 2  # One unit cannot be told from its period.
CONNECTED_MIN = 1e-10  # Smallest over largest eigenvalue: rounding leaves 1e-15 of nothing.


@dataclass(frozen=True, slots=True, kw_only=True)
class Imputed:
    """Effects cell by cell; units in the order of their waves.

    Attributes
    ----------
    shown : shape (n_periods,)
        Position of each period kept in the panel: at least two untreated units are in it.
    wave : shape (n_waves,)
        Position of each wave's first period with AI in the panel, ascending; the panel's number
        of periods is never.
    wave_of : shape (n_units,)
        Counts into `wave`.
    untreated, treated : shape (n_units, n_periods)
        The cells that were fitted, and the cells with AI that the fit answers for.
    surprise : shape (n_units, n_periods)
        Outcome less fit: a residual on untreated cells, an effect on treated ones, else 0.
    count, effect, level : shape (n_waves, n_periods)
        Treated cells, and sums of their effects and outcomes.
    scatter : shape (n_waves, n_periods, n_periods)
        Products of units' own noise: residuals, and effects about the mean of wave and period.
    normal : shape (n_periods, n_periods)
        Normal equations of the periods' levels, once every unit has its own.
    through_units : shape (n_waves, n_periods, n_periods)
        How much treated cells of one period lean on a unit's untreated cells of another.
    unanswered : tuple of positions in the panel
        Periods with treated units and fewer than two untreated ones.
    """

    shown: Integers
    wave: Integers
    wave_of: Integers
    untreated: Booleans
    treated: Booleans
    surprise: Floats
    count: Floats
    effect: Floats
    level: Floats
    scatter: Floats
    normal: Floats
    through_units: Floats
    cluster: Integers | None
    unanswered: tuple[int, ...]


def impute(panel: StaggeredPanel) -> Imputed:
    """Fit unit and period levels to untreated cells, and compare treated cells with them.

    Cells may be missing, as long as whether they are has nothing to do with the outcome.

    Raises
    ------
    NotEstimable
        No period with treated units has two untreated ones, more than a tenth of the treated
        cells is on units without an untreated one, or units and periods fall into groups.
    """
    seen: Booleans = np.isfinite(panel.outcome)
    with_ai: Booleans = panel.treated & seen
    without: Booleans = seen & ~with_ai
    if not with_ai.any():
        raise NotEstimable("no unit has been measured with the AI yet", verdict="too_early")
    has_before: Booleans = np.asarray(without.any(axis=1))
    _require_before(panel, with_ai, has_before)
    answered: Booleans = np.asarray(without.sum(axis=0) >= CONTROLS_MIN)
    if not (with_ai & answered)[has_before].any():
        raise NotEstimable(
            f"no period with treated units has {CONTROLS_MIN} units without the AI to compare with"
        )
    kept = np.flatnonzero(has_before & (without & answered).any(axis=1))
    start = np.minimum(panel.first_treated[kept], panel.outcome.shape[1])
    kept = kept[np.argsort(start, kind="stable")]
    wave, wave_of = np.unique(np.sort(start), return_inverse=True)

    untreated, treated = (part[kept][:, answered] for part in (without, with_ai))
    outcome = np.where(untreated | treated, panel.outcome[kept][:, answered], 0.0)
    share = untreated / untreated.sum(axis=1, keepdims=True)
    normal = _normal_equations(untreated, share)
    surprise = np.where(untreated | treated, outcome - _fitted(outcome, share, normal), 0.0)
    first = np.flatnonzero(np.diff(wave_of, prepend=-1))
    count = np.add.reduceat(treated.astype(np.float64), first, axis=0)
    effect = np.add.reduceat(surprise * treated, first, axis=0)
    mean = (effect / np.maximum(count, 1))[wave_of]
    by_wave = (np.split(part, first[1:]) for part in (treated.astype(np.float64), share))
    return Imputed(
        shown=np.flatnonzero(answered),
        wave=wave,
        wave_of=wave_of.astype(np.int64),
        untreated=untreated,
        treated=treated,
        surprise=surprise,
        count=count,
        effect=effect,
        level=np.add.reduceat(outcome * treated, first, axis=0),
        scatter=scatter_of(noise_of(surprise, treated, mean), wave_of),
        normal=normal,
        through_units=np.stack([products_of(*pair) for pair in zip(*by_wave, strict=True)]),
        cluster=None if panel.cluster is None else panel.cluster[kept],
        unanswered=tuple(int(at) for at in np.flatnonzero(with_ai.any(axis=0) & ~answered)),
    )


def noise_of(surprise: Floats, treated: Booleans, mean: Floats) -> Floats:
    """Return each cell's own noise: on treated cells, how its effect differs from the mean's."""
    noise: Floats = surprise - np.where(treated, mean, 0.0)
    return noise


def scatter_of(noise: Floats, wave_of: Integers) -> Floats:
    """Return the products of units' noise, summed by wave."""
    parts = np.split(noise, np.flatnonzero(np.diff(wave_of)) + 1)
    return np.stack([products_of(part, part) for part in parts])


def _normal_equations(untreated: Booleans, share: Floats) -> Floats:
    fitted = untreated.astype(np.float64)
    normal = np.diag(fitted.sum(axis=0)) - products_of(share, fitted)
    # One level too many (units up, periods down by the same): pin the mean of the periods.
    normal += fitted.sum() / len(normal) ** 2
    values = np.linalg.eigvalsh(normal)
    if values[0] <= CONNECTED_MIN * values[-1]:
        raise NotEstimable("units and periods fall into groups that no untreated unit connects")
    return normal


def _fitted(outcome: Floats, share: Floats, normal: Floats) -> Floats:
    """Return unit plus period level of every cell, by least squares on untreated cells."""
    own = (outcome * share).sum(axis=1)
    right = ((outcome - own[:, None]) * (share > 0)).sum(axis=0)
    period = np.linalg.solve(normal, right)
    unit = own - (share * period).sum(axis=1)
    fitted: Floats = unit[:, None] + period
    return fitted


def _require_before(panel: StaggeredPanel, with_ai: Booleans, has_before: Booleans) -> None:
    dropped = float(with_ai[~has_before].sum() / with_ai.sum())
    if dropped > SHARE_DROPPED_MAX:
        lacking: Booleans = with_ai.any(axis=1) & ~has_before
        raise NotEstimable(
            f"{dropped:.0%} of the treated cells is on units without a period before the AI "
            f"({names_of(panel.units, lacking)}), at most {SHARE_DROPPED_MAX:.0%} may"
        )
