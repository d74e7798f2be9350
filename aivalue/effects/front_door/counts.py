"""What a table holds, counted: all that the choice of an estimator looks at."""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.front_door.table import Matrices

CONTROLS_MIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Numbers of units, times and what belongs to them; `is_ratio` has a denominator.

    The smallest cohort, of treated units that went live at one time, has `n_in_smallest`.
    """

    n_units: int
    n_times: int
    n_treated: int
    n_never: int
    n_starts: int
    n_before: int
    n_covariates: int
    is_complete: bool
    has_controls: bool
    is_grouped: bool
    has_clusters: bool = False
    is_ratio: bool = False
    n_in_smallest: int = 0


def counts_of(panel: Matrices) -> Counts:
    """Count what `choice.choose_for` decides by."""
    treated = panel.is_treated
    starts = panel.first_treated[treated]
    n_in_cohort = np.unique(starts, return_counts=True)[1]
    measured = np.isfinite(panel.outcome)
    with_ai = np.arange(len(panel.times)) >= panel.first_treated[:, None]
    beside = (measured & ~with_ai).sum(axis=0) >= CONTROLS_MIN
    return Counts(
        n_units=len(panel.units),
        n_times=len(panel.times),
        n_treated=int(treated.sum()),
        n_never=int((~treated).sum()),
        n_starts=len(n_in_cohort),
        n_before=int(starts.min()) if len(starts) else 0,
        n_covariates=panel.covariates.shape[2],
        is_complete=panel.is_complete,
        has_controls=bool((beside & (measured & with_ai).any(axis=0)).any()),
        is_grouped=panel.cluster is not None or panel.stratum is not None,
        has_clusters=panel.cluster is not None,
        is_ratio=panel.denominator is not None,
        n_in_smallest=int(n_in_cohort.min()) if len(starts) else 0,
    )
