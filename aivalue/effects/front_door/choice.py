"""Which estimators a table permits: a pure function of counts, strongest first."""

from aivalue.effects.choose import Alternative, Choice
from aivalue.effects.effect import Design
from aivalue.effects.estimators.staggered import SPARE_UNITS_MIN
from aivalue.effects.front_door.counts import CONTROLS_MIN, Counts
from aivalue.effects.permutations.conformal import require_history
from aivalue.errors import NotEstimable

TREATED_STAGGERED_MIN = 10
DONORS_MIN = 10
PERIODS_BEFORE_MIN = 15
DONORS_OVER_TIME_MIN = 2
RATIO_COVARIATES = 2  # Numerator and denominator before.
AUGMENTED_CELLS_MAX = 20_000  # Beyond it, leaving out periods and donors in turn takes minutes.

ALIASES = {
    "sdid": "synthetic_difference_in_differences",
    "sc": "synthetic_control",
    "ascm": "augmented_synthetic_control",
    "conformal": "conformal_synthetic_control",
    "did": "difference_in_differences",
    "its": "interrupted_time_series",
    "cs": "callaway_santanna",
    "bjs": "imputation",
    "lin": "regression_adjustment",
}
RANDOMIZED = ("cuped", "regression_adjustment", "difference_in_means")
CONTROLLED = (
    "synthetic_difference_in_differences",
    "conformal_synthetic_control",
    "imputation",
    "callaway_santanna",
    "synthetic_control",
    "augmented_synthetic_control",
    "difference_in_differences",
)
SERIES = ("interrupted_time_series", "autoregressive_bootstrap", "local_level")
DESIGNS: dict[str, tuple[str, ...]] = {
    "randomized": RANDOMIZED,
    "few_treated": (
        "synthetic_difference_in_differences",
        "conformal_synthetic_control",
        "synthetic_control",
        "augmented_synthetic_control",
    ),
    "staggered": ("imputation", "callaway_santanna", "difference_in_differences"),
    "series_only": SERIES,
}
_PLAIN = {  # Of a design that the table does not permit: the one that needs the least.
    "randomized": "difference_in_means",
    "few_treated": "synthetic_difference_in_differences",
    "staggered": "imputation",
    "series_only": "interrupted_time_series",
}
ESTIMATORS = (*RANDOMIZED, *CONTROLLED, *SERIES, "switchback")
# On one table without volumes, these two are one estimator.
_SAME_SUM = {"imputation", "difference_in_differences"}
_NO_CLUSTERS = "it takes units for independent of each other, and they share clusters"
_SYNTHETIC = {
    "synthetic_difference_in_differences",
    "synthetic_control",
    "augmented_synthetic_control",
}


def choose_for(
    counts: Counts,
    *,
    wanted: str = "auto",
    approver: str | None = None,
    confidence: float = 0.95,
) -> Choice:
    """Return the strongest estimator the table permits, or the one asked for.

    `wanted` may name a design: then the strongest of its estimators is asked for. Asking for a
    weaker one that the table permits is free; one that it does not permit runs, but counts in full
    only with an approver.

    Raises
    ------
    NotEstimable
        No unit has the AI, or the estimator asked for does not exist, or none is permitted.
    """
    if counts.n_treated == 0:
        raise NotEstimable("no row is treated", verdict="too_early")
    ladder = {name: _why_not(name, counts, confidence) for name in ESTIMATORS}
    permitted = [name for name, why_not in ladder.items() if why_not is None]
    chosen = ALIASES.get(wanted, wanted)
    if chosen == "auto":
        if not permitted:
            raise NotEstimable("; ".join(f"{name}: {why_not}" for name, why_not in ladder.items()))
        chosen = _first(permitted, counts)
    elif chosen in DESIGNS:
        possible = (*(name for name in DESIGNS[chosen] if name in permitted), _PLAIN[chosen])
        chosen = possible[0]
    elif chosen not in ESTIMATORS:
        raise NotEstimable(
            f"no estimator is called {wanted}; there are {', '.join(ESTIMATORS)}, "
            f"and designs {', '.join(DESIGNS)}"
        )
    is_forced = wanted != "auto"
    return Choice(
        design=_design_of(chosen, counts),
        estimator=chosen,
        reason=_reason(chosen, counts, is_forced=is_forced),
        alternatives=tuple(
            Alternative(estimator=name, why_not=why_not or f"{chosen} comes first here")
            for name, why_not in ladder.items()
            if name != chosen
        ),
        eligible=(
            _instead_of(chosen, permitted, counts)
            if is_forced
            else _rivals(chosen, permitted, counts)
        ),
        overrides=ladder[chosen] if is_forced else None,
        approver=approver if is_forced else None,
    )


def _first(permitted: list[str], counts: Counts) -> str:
    """Return the strongest; of few units with several starts, imputation says more.

    Of those two, only Callaway-Sant'Anna adjusts for covariates.
    """
    first = permitted[0]
    if counts.n_starts > 1 and "imputation" in permitted:
        first = "imputation"
    if first == "imputation" and counts.n_covariates and "callaway_santanna" in permitted:
        return "callaway_santanna"
    return first


def _instead_of(forced: str, permitted: list[str], counts: Counts) -> tuple[str, ...]:
    """Return what the table would be read by, to compare a forced estimator with."""
    if forced == "switchback" or not permitted:
        return ()
    first = _first(permitted, counts)
    return () if first == forced or {first, forced} <= _SAME_SUM else (first,)


def _rivals(chosen: str, permitted: list[str], counts: Counts) -> tuple[str, ...]:
    """Return who can contradict the chosen one: others of its kind that are not the same sum."""
    kind = next((kind for kind in (RANDOMIZED, CONTROLLED, SERIES) if chosen in kind), ())
    too_long = counts.n_never * counts.n_before > AUGMENTED_CELLS_MAX
    return tuple(
        name
        for name in kind
        if name in permitted
        and name != chosen
        and not {chosen, name} <= _SAME_SUM
        and not (name == "difference_in_differences" and "imputation" in permitted)
        and not (name == "difference_in_means" and counts.n_covariates)
        and not (name == "augmented_synthetic_control" and too_long)
    )


def _why_not(name: str, counts: Counts, confidence: float) -> str | None:
    if name == "switchback":
        return "no unit changes between with and without: ask for it where units do"
    if name in RANDOMIZED:
        return _why_not_randomized(name, counts)
    if counts.n_times == 1:
        return "units were measured once"
    if name in SERIES:
        return "units went live at different times" if counts.n_starts > 1 else None
    if name == "conformal_synthetic_control":
        return _why_not_over_time(counts, confidence)
    return _why_not_beside(name, counts)


def _why_not_randomized(name: str, counts: Counts) -> str | None:
    if counts.n_times > 1:
        return "units were measured at several times, and nothing says they were drawn at random"
    return None if name == "difference_in_means" else _why_not_adjusted(name, counts)


def _why_not_adjusted(name: str, counts: Counts) -> str | None:
    if counts.is_grouped:
        return "clusters and strata are compared by difference_in_means"
    if counts.n_covariates == 0:
        return "no covariate was given"
    if counts.is_ratio:
        return _why_not_ratio(name, counts.n_covariates)
    if name == "cuped" and counts.n_covariates > 1:
        return "several covariates: a regression takes them"
    return None


def _why_not_ratio(name: str, n_covariates: int) -> str | None:
    if name != "cuped":
        return "a ratio is adjusted by its own numerator and denominator before (cuped)"
    if n_covariates == RATIO_COVARIATES:
        return None
    return (
        f"{n_covariates} covariates: a ratio is adjusted by its own numerator and denominator "
        f"before, needs these {RATIO_COVARIATES}"
    )


def _why_not_beside(name: str, counts: Counts) -> str | None:
    if not counts.has_controls:
        return f"no time has {CONTROLS_MIN} units without the AI beside treated ones"
    if counts.has_clusters and name not in {"imputation", "callaway_santanna"}:
        return _NO_CLUSTERS
    if name in _SYNTHETIC:
        return _why_not_synthetic(name, counts)
    return _why_not_by_cohort(counts) if name == "callaway_santanna" else None


def _why_not_by_cohort(counts: Counts) -> str | None:
    if not counts.is_complete:
        return "a unit was not measured at every time"
    needed = 1 + counts.n_covariates + SPARE_UNITS_MIN
    if counts.n_covariates and counts.n_in_smallest < needed:
        cohort = f"{counts.n_in_smallest} units in the smallest cohort"
        return f"{cohort}, needs {needed} to adjust for {counts.n_covariates} covariates"
    return None


def _why_not_synthetic(name: str, counts: Counts) -> str | None:
    if counts.n_treated >= TREATED_STAGGERED_MIN:
        return f"{counts.n_treated} treated units say more by themselves"
    if counts.n_starts > 1 and name != "synthetic_difference_in_differences":
        return "units went live at different times"
    if counts.n_never < DONORS_MIN:
        return f"{counts.n_never} donors, needs {DONORS_MIN}"
    if counts.n_before < PERIODS_BEFORE_MIN:
        return f"{counts.n_before} times before go-live, needs {PERIODS_BEFORE_MIN}"
    return None if counts.is_complete else "a unit was not measured at every time"


def _why_not_over_time(counts: Counts, confidence: float) -> str | None:
    if counts.n_treated > 1:
        return f"{counts.n_treated} treated units are compared with others"
    if not DONORS_OVER_TIME_MIN <= counts.n_never < DONORS_MIN:
        return f"{counts.n_never} donors, is for {DONORS_OVER_TIME_MIN} to {DONORS_MIN - 1}"
    if counts.has_clusters:
        return _NO_CLUSTERS
    if not counts.is_complete:
        return "a unit was not measured at every time"
    try:
        require_history(counts.n_before, counts.n_times - counts.n_before, confidence)
    except NotEstimable as refusal:
        return str(refusal)
    return None


def _design_of(name: str, counts: Counts) -> Design:
    if name in RANDOMIZED or name == "switchback":
        return "randomized"
    if name in SERIES:
        return "series_only"
    return "few_treated" if counts.n_treated < TREATED_STAGGERED_MIN else "staggered"


def _reason(name: str, counts: Counts, *, is_forced: bool) -> str:
    if is_forced:
        return "asked for"
    if name in RANDOMIZED:
        return "one row per subject, taken as randomized"
    if name in SERIES:
        return "nothing but the history to compare with"
    units = "unit" if counts.n_treated == 1 else "units"
    starts = "at one time" if counts.n_starts == 1 else f"at {counts.n_starts} different times"
    return (
        f"{counts.n_treated} treated {units} that went live {starts}, {counts.n_never} never "
        f"treated, {counts.n_before} times before"
    )
