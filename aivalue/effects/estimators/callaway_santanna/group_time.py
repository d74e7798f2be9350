"""Effects by cohort and period: each cohort's change since its last period without the AI.

A cohort is the units that went live in the same period. Its change is compared with that of units
that never had the AI, or do not have it yet; a unit with AI is never a comparison. Without
covariates every effect is a difference of cohort means, so a panel of any number of units costs
one pass over it.

Source: Callaway & Sant'Anna (2021), "Difference-in-Differences with Multiple Time Periods",
Journal of Econometrics 225(2) 200-230.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from aivalue.effects.estimators.staggered import (
    SHARE_DROPPED_MAX,
    Adjustment,
    StaggeredPanel,
    names_of,
    products_of,
    require_balanced,
)
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.errors import NotEstimable

CONTROLS_MIN = 2  # One unit cannot be told from its period.
CLUSTERS_MIN = 5

Comparison = Literal["never_treated", "not_yet_treated"]
Inference = Literal["calibrated", "asymptotic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTime:
    """Effects by cohort and period, and what their uncertainty is made of.

    Attributes
    ----------
    outcome : shape (n_units, n_periods), cohort_of : shape (n_units,)
        The units used; `cohort_of` counts into `cohort`.
    cohort : shape (n_cohorts,)
        Position of each cohort's first period with AI, ascending; `n_periods` is never.
    size : shape (n_cohorts,), mean : shape (n_cohorts, n_periods)
    within : shape (n_cohorts, n_periods, n_periods)
        Sums of squares and products of the units' paths about their cohort's mean path.
    group, time, base : shape (n_cells,)
        Which cohort's change, to which period, since which; cells before go-live (time earlier
        than the cohort's start) measure nothing but pre-trends.
    compared : shape (n_cells, n_cohorts)
        The cohorts each cell is compared with.
    effect : shape (n_cells,)
    influence : shape (n_units, n_cells), or None
        What each unit contributes to each cell's error; None where cohort means say it all.
    unanswered : tuple of (start of the cohort, period)
        Cells with AI that no comparison answers for.
    """

    outcome: Floats
    cohort_of: Integers
    cohort: Integers
    size: Integers
    mean: Floats
    within: Floats
    group: Integers
    time: Integers
    base: Integers
    compared: Booleans
    effect: Floats
    influence: Floats | None
    cluster: Integers | None
    inference: Inference
    unanswered: tuple[tuple[int, int], ...]

    @property
    def after(self) -> Booleans:
        """Which cells lie in a period with AI."""
        at_or_after: Booleans = self.time >= self.cohort[self.group]
        return at_or_after

    @property
    def change(self) -> Floats:
        """Every cohort's change over every cell's periods; shape (n_cells, n_cohorts)."""
        change: Floats = (self.mean[:, self.time] - self.mean[:, self.base]).T
        return change


def group_time_effects(
    panel: StaggeredPanel,
    *,
    comparison: Comparison = "never_treated",
    adjustment: Adjustment = "doubly_robust",
    inference: Inference = "calibrated",
) -> GroupTime:
    """Estimate the effect on every cohort in every period.

    Assumes parallel trends: without AI, each cohort would have changed as its comparison did
    (among units alike in the covariates, if there are any); and that no unit reacts before it
    has the AI.

    Parameters
    ----------
    adjustment
        How covariates enter, if the panel has any: "doubly_robust" is right if either the
        outcome or the assignment model is; "regression" models the outcome alone.
    inference
        "calibrated" holds with few treated units, given who was treated when; "asymptotic" is
        the published large-sample one, which then covers too little.

    Raises
    ------
    NotEstimable
        A unit misses a period, no period with AI has two comparison units, more than a tenth of
        the treated cells is on units without a period before, or too few units are alike.
    """
    require_balanced(panel, instead="imputation")
    kept = _with_period_before(panel)
    found = _cells(panel, kept, comparison=comparison, inference=inference)
    _require_comparison(found, comparison)
    if panel.covariates is None:
        return replace(found, effect=_differences(found))
    # Half a second of scipy, which only who has covariates pays for.
    from aivalue.effects.estimators.callaway_santanna.adjusted import adjusted_effects

    effect, influence = adjusted_effects(
        outcome=found.outcome,
        covariates=panel.covariates[kept],
        cohort_of=found.cohort_of,
        cells=(found.group, found.time, found.base),
        compared=found.compared,
        adjustment=adjustment,
    )
    return replace(found, effect=effect, influence=influence)


def _cells(
    panel: StaggeredPanel, kept: Booleans, *, comparison: Comparison, inference: Inference
) -> GroupTime:
    """Lay out every cohort's periods and what each is compared with; effects are still zero."""
    outcome = np.ascontiguousarray(panel.outcome[kept], dtype=np.float64)
    n_periods = outcome.shape[1]
    start = np.minimum(panel.first_treated[kept], n_periods)
    cohort, cohort_of, size = np.unique(start, return_inverse=True, return_counts=True)
    mean, within = _moments(outcome, cohort_of, size)
    group, time = _grid(cohort, n_periods)
    compared = _compared(cohort, group, time, comparison)
    answered = compared @ size >= CONTROLS_MIN
    unanswered = ~answered & (time >= cohort[group])
    return GroupTime(
        outcome=outcome,
        cohort_of=cohort_of.astype(np.int64),
        cohort=cohort,
        size=size,
        mean=mean,
        within=within,
        group=group[answered],
        time=time[answered],
        base=np.where(time < cohort[group], time - 1, cohort[group] - 1)[answered],
        compared=compared[answered],
        effect=np.zeros(int(answered.sum())),
        influence=None,
        cluster=None if panel.cluster is None else panel.cluster[kept],
        inference=inference,
        unanswered=tuple(
            (int(cohort[row]), int(column))
            for row, column in zip(group[unanswered], time[unanswered], strict=True)
        ),
    )


def _moments(outcome: Floats, cohort_of: Integers, size: Integers) -> tuple[Floats, Floats]:
    """Return each cohort's mean path and the scatter about it."""
    n_periods = outcome.shape[1]
    mean = np.empty((len(size), n_periods))
    within = np.empty((len(size), n_periods, n_periods))
    by_cohort = outcome[np.argsort(cohort_of, kind="stable")]
    for row, paths in enumerate(np.split(by_cohort, np.cumsum(size)[:-1])):
        mean[row] = paths.mean(axis=0)
        centred = paths - mean[row]
        within[row] = products_of(centred, centred)
    return mean, within


def _grid(cohort: Integers, n_periods: int) -> tuple[Integers, Integers]:
    treated = np.flatnonzero(cohort < n_periods)
    group, time = np.meshgrid(treated, np.arange(1, n_periods), indexing="ij")
    return group.ravel(), time.ravel()


def _compared(
    cohort: Integers, group: Integers, time: Integers, comparison: Comparison
) -> Booleans:
    later: Booleans = cohort > time[:, None]
    if comparison == "never_treated":
        later &= cohort == cohort.max()
    later[np.arange(len(group)), group] = False
    return later


def _differences(found: GroupTime) -> Floats:
    change = found.change
    counted = found.compared * found.size
    own = change[np.arange(len(change)), found.group]
    expected: Floats = (counted * change).sum(axis=1) / counted.sum(axis=1)
    return own - expected


def _with_period_before(panel: StaggeredPanel) -> Booleans:
    treated = panel.treated
    if not treated.any():
        raise NotEstimable("no unit has been measured with the AI yet", verdict="too_early")
    always = np.asarray(panel.first_treated <= 0)
    dropped = float(treated[always].sum() / treated.sum())
    if dropped > SHARE_DROPPED_MAX:
        raise NotEstimable(
            f"{dropped:.0%} of the treated cells is on units without a period before the AI "
            f"({names_of(panel.units, always)}), at most {SHARE_DROPPED_MAX:.0%} may"
        )
    return ~always


def _require_comparison(found: GroupTime, comparison: Comparison) -> None:
    never = int(found.size[found.cohort == found.outcome.shape[1]].sum())
    if comparison == "never_treated" and never < CONTROLS_MIN:
        raise NotEstimable(f"{never} units never had the AI, needs {CONTROLS_MIN}")
    if not found.after.any():
        raise NotEstimable(
            f"no period with treated units has {CONTROLS_MIN} units without the AI to compare with"
        )
    if found.cluster is not None and len(np.unique(found.cluster)) < CLUSTERS_MIN:
        raise NotEstimable(
            f"units form {len(np.unique(found.cluster))} clusters, needs {CLUSTERS_MIN}",
            verdict="below_sample_floor",
        )
