"""What every treated cell would have been without the AI, and what is left over.

Source: Borusyak, Jaravel & Spiess (2024), "Revisiting Event-Study Designs: Robust and Efficient
Estimation", Review of Economic Studies 91(6) 3253-3285, section 4.1.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.estimators.staggered import SHARE_DROPPED_MAX, StaggeredPanel, names_of
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.effects.two_way import fit_two_way
from aivalue.errors import NotEstimable

CONTROLS_MIN = 2  # One unit cannot be told from its period.


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
    weight = untreated.astype(np.float64)
    fitted = fit_two_way(outcome * weight, weight, scale="additive").rate
    surprise = np.where(untreated | treated, outcome - fitted, 0.0)
    first = np.flatnonzero(np.diff(wave_of, prepend=-1))
    return Imputed(
        shown=np.flatnonzero(answered),
        wave=wave,
        wave_of=wave_of.astype(np.int64),
        untreated=untreated,
        treated=treated,
        surprise=surprise,
        count=np.add.reduceat(treated.astype(np.float64), first, axis=0),
        effect=np.add.reduceat(surprise * treated, first, axis=0),
        level=np.add.reduceat(outcome * treated, first, axis=0),
        cluster=None if panel.cluster is None else panel.cluster[kept],
        unanswered=tuple(int(at) for at in np.flatnonzero(with_ai.any(axis=0) & ~answered)),
    )


def _require_before(panel: StaggeredPanel, with_ai: Booleans, has_before: Booleans) -> None:
    dropped = float(with_ai[~has_before].sum() / with_ai.sum())
    if dropped > SHARE_DROPPED_MAX:
        lacking: Booleans = with_ai.any(axis=1) & ~has_before
        raise NotEstimable(
            f"{dropped:.0%} of the treated cells is on units without a period before the AI "
            f"({names_of(panel.units, lacking)}), at most {SHARE_DROPPED_MAX:.0%} may"
        )
