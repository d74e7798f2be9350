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
    """Effects cell by cell.

    Attributes
    ----------
    shown : shape (n_periods,)
        Position of each period kept in the panel: at least two untreated units are in it.
    start : shape (n_units,)
        Position of the unit's first period with AI in the panel.
    untreated, treated : shape (n_units, n_periods)
        The cells that were fitted, and the cells with AI that the fit answers for.
    outcome : shape (n_units, n_periods)
        0 where there is neither.
    residual : shape (n_units, n_periods)
        Outcome less fit on untreated cells, 0 elsewhere.
    effect : shape (n_units, n_periods)
        Outcome less fit on treated cells, 0 elsewhere.
    unanswered : tuple of positions in the panel
        Periods with treated units and fewer than two untreated ones.
    """

    shown: Integers
    start: Integers
    untreated: Booleans
    treated: Booleans
    outcome: Floats
    residual: Floats
    effect: Floats
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
    with_ai = panel.treated & seen
    without: Booleans = seen & ~panel.treated
    if not with_ai.any():
        raise NotEstimable("no unit has been measured with the AI yet", verdict="too_early")
    has_before: Booleans = np.asarray(without.any(axis=1))
    _require_before(panel, with_ai, has_before)
    controls = without.sum(axis=0)
    answered: Booleans = np.asarray(controls >= CONTROLS_MIN)
    treated = with_ai & answered
    if not treated[has_before].any():
        raise NotEstimable(
            f"no period with treated units has {CONTROLS_MIN} units without the AI to compare with"
        )
    kept: Booleans = has_before & np.asarray((without & answered).any(axis=1))
    grid = np.ix_(kept, answered)
    untreated = without[grid]
    treated = treated[grid]
    outcome = np.where(untreated | treated, panel.outcome[grid], 0.0)
    fitted = fit_two_way(
        np.where(untreated, outcome, 0.0), untreated.astype(np.float64), scale="additive"
    ).rate
    surprise = outcome - fitted
    return Imputed(
        shown=np.flatnonzero(answered),
        start=panel.first_treated[kept],
        untreated=untreated,
        treated=treated,
        outcome=outcome,
        residual=np.where(untreated, surprise, 0.0),
        effect=np.where(treated, surprise, 0.0),
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
