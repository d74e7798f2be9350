"""Which estimators a table permits: a pure function of counts, strongest first."""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.choose import Alternative, Choice
from aivalue.effects.effect import Design
from aivalue.effects.front_door.table import Matrices
from aivalue.errors import NotEstimable

TREATED_STAGGERED_MIN = 10
DONORS_MIN = 10
PERIODS_BEFORE_MIN = 15
CONTROLS_MIN = 2

ALIASES = {
    "sdid": "synthetic_difference_in_differences",
    "sc": "synthetic_control",
    "did": "difference_in_differences",
    "its": "interrupted_time_series",
    "cs": "callaway_santanna",
    "bjs": "imputation",
}
ESTIMATORS = (
    "difference_in_means",
    "synthetic_difference_in_differences",
    "synthetic_control",
    "imputation",
    "callaway_santanna",
    "difference_in_differences",
    "interrupted_time_series",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the table holds."""

    n_units: int
    n_times: int
    n_treated: int
    n_never: int
    n_starts: int
    n_before: int
    is_complete: bool
    has_controls: bool


def counts_of(panel: Matrices) -> Counts:
    """Count what `choose_for` decides by."""
    treated = panel.is_treated
    starts = panel.first_treated[treated]
    measured = np.isfinite(panel.outcome)
    with_ai = np.arange(len(panel.times)) >= panel.first_treated[:, None]
    beside = (measured & ~with_ai).sum(axis=0) >= CONTROLS_MIN
    return Counts(
        n_units=len(panel.units),
        n_times=len(panel.times),
        n_treated=int(treated.sum()),
        n_never=int((~treated).sum()),
        n_starts=len(np.unique(starts)),
        n_before=int(starts.min()) if len(starts) else 0,
        is_complete=panel.is_complete,
        has_controls=bool((beside & (measured & with_ai).any(axis=0)).any()),
    )


def choose_for(counts: Counts, *, wanted: str = "auto") -> Choice:
    """Return the strongest estimator the table permits, or the one asked for.

    Raises
    ------
    NotEstimable
        No unit has the AI, or the estimator asked for does not exist or is not permitted.
    """
    if counts.n_treated == 0:
        raise NotEstimable("no row is treated", verdict="too_early")
    ladder = [(name, _why_not(name, counts)) for name in ESTIMATORS]
    permitted = [name for name, why_not in ladder if why_not is None]
    chosen = ALIASES.get(wanted, wanted)
    if chosen == "auto":
        if not permitted:
            raise NotEstimable("; ".join(f"{name}: {why_not}" for name, why_not in ladder))
        chosen = permitted[0]
    elif chosen not in ESTIMATORS:
        raise NotEstimable(f"no estimator is called {wanted}; there are {', '.join(ESTIMATORS)}")
    return Choice(
        design=_design_of(chosen, counts),
        estimator=chosen,
        reason=_reason(chosen, counts, is_forced=wanted != "auto"),
        alternatives=tuple(
            Alternative(estimator=name, why_not=why_not or f"{chosen} comes first here")
            for name, why_not in ladder
            if name != chosen
        ),
    )


def _why_not(name: str, counts: Counts) -> str | None:
    if name == "difference_in_means":
        return None if counts.n_times == 1 else "units were measured at several times"
    if counts.n_times == 1:
        return "units were measured once"
    if name == "interrupted_time_series":
        return None if counts.n_starts == 1 else "units went live at different times"
    return _why_not_beside(name, counts)


def _why_not_beside(name: str, counts: Counts) -> str | None:
    if not counts.has_controls:
        return f"no time has {CONTROLS_MIN} units without the AI beside treated ones"
    if name.startswith("synthetic"):
        return _why_not_synthetic(counts)
    if name == "callaway_santanna" and not counts.is_complete:
        return "a unit was not measured at every time"
    return None


def _why_not_synthetic(counts: Counts) -> str | None:
    if counts.n_treated >= TREATED_STAGGERED_MIN:
        return f"{counts.n_treated} treated units say more by themselves"
    if counts.n_starts > 1:
        return "units went live at different times"
    if counts.n_never < DONORS_MIN:
        return f"{counts.n_never} donors, needs {DONORS_MIN}"
    if counts.n_before < PERIODS_BEFORE_MIN:
        return f"{counts.n_before} times before go-live, needs {PERIODS_BEFORE_MIN}"
    return None if counts.is_complete else "a unit was not measured at every time"


def _design_of(name: str, counts: Counts) -> Design:
    if name == "difference_in_means":
        return "randomized"
    if name == "interrupted_time_series":
        return "series_only"
    return "few_treated" if counts.n_treated < TREATED_STAGGERED_MIN else "staggered"


def _reason(name: str, counts: Counts, *, is_forced: bool) -> str:
    if is_forced:
        return "asked for"
    if name == "difference_in_means":
        return "one row per subject, taken as randomized"
    if name == "interrupted_time_series":
        return "nothing but the history to compare with"
    return (
        f"{counts.n_treated} treated units from {counts.n_starts} times on, {counts.n_never} never "
        f"treated, {counts.n_before} times before"
    )
