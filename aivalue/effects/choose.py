"""Which estimator the facts permit, and why not the others: a pure function, kept with the run."""

from dataclasses import dataclass
from math import ceil

from aivalue.effects.effect import Design, Scale
from aivalue.errors import NotEstimable

TREATED_STAGGERED_MIN = 10
CONTROLS_MIN = 2
DONORS_MIN = 10
MONTHS_BEFORE_MIN = 15
MONTHS_LEFT_OUT = 3  # Next to go-live, of a synthetic control's past.
STRETCHES_BEFORE_MIN = 3  # As long as the one with the AI, for reading one unit over time.

# Design, estimator, why not or None, reason.
Step = tuple[Design, str, str | None, str]
_CONTROLLED = (
    "synthetic_difference_in_differences",
    "synthetic_control",
    "conformal_synthetic_control",
    "difference_in_differences",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the interventions and the series say, counted.

    Attributes
    ----------
    assignment : "random", "phased" or "self_selected"
        The weakest that any intervention or the definition states.
    n_treated, n_control : int
        Units that were measured with the AI; units measured without it beside them.
    months_with_controls : int
        Treated months in which at least two units work without the AI.
    months_treated : int
    days_before : int
        Days measured before the first measured unit went live.
    n_donors : int
        Units that never get the AI and were measured in every month.
    n_starts : int
        Different first days of treated units.
    months_before : int
        Whole months before the first go-live in which every treated unit was measured.
    scale : "additive" or "proportional"
    has_arms : bool
        Measurements name their arm.
    is_complete : bool
        Every unit was measured in every month.
    confidence : float
        Asked for; few shifts of time cannot give a high one.
    """

    assignment: str
    randomized_by: str | None
    n_treated: int
    n_control: int
    months_with_controls: int
    months_treated: int
    days_before: int
    n_donors: int
    n_starts: int
    months_before: int
    scale: Scale
    has_arms: bool
    is_complete: bool = False
    confidence: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """An estimator that was not chosen."""

    estimator: str
    why_not: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The estimator chosen and the ones passed over.

    Attributes
    ----------
    eligible : estimators of the same kind that the facts permit too, strongest first
        They are run beside the chosen one, to contradict it if they can.
    overrides : str or None
        Why the facts do not permit what was asked for; None where they do.
    approver : str or None
        Who answers for it.
    """

    design: Design
    estimator: str
    reason: str
    alternatives: tuple[Alternative, ...]
    eligible: tuple[str, ...] = ()
    overrides: str | None = None
    approver: str | None = None


def choose(facts: Facts, *, wanted: str | None = None, approver: str | None = None) -> Choice:
    """Return the strongest estimator that the facts permit, or the one asked for.

    A weaker one that they permit may be asked for freely (a downgrade); one that they do not permit
    is run, but counts in full only with a named approver (an override).
    """
    ladder = _ladder(facts)
    place = _place(ladder, wanted)
    design, estimator, why_not, reason = ladder[place]
    return Choice(
        design=design,
        estimator=estimator,
        reason=reason if wanted is None else "asked for",
        alternatives=_passed_over(ladder, place),
        eligible=_beside(ladder, estimator, _eligible(facts, ladder, estimator)),
        overrides=None if wanted is None else why_not,
        approver=None if wanted is None else approver,
    )


def _place(ladder: list[Step], wanted: str | None) -> int:
    if wanted is None:
        return next(at for at, (_, _, why_not, _) in enumerate(ladder) if why_not is None)
    names = [estimator for _, estimator, _, _ in ladder]
    if wanted not in names:
        raise NotEstimable(f"no estimator is called {wanted}; there are {', '.join(names)}")
    return names.index(wanted)


def _passed_over(ladder: list[Step], place: int) -> tuple[Alternative, ...]:
    chosen = ladder[place][1]
    return tuple(
        Alternative(
            estimator=estimator,
            why_not=why_not
            or (f"{chosen} rests on less" if at > place else f"{chosen} was asked for"),
        )
        for at, (_, estimator, why_not, _) in enumerate(ladder)
        if at != place
    )


def _eligible(facts: Facts, ladder: list[Step], chosen: str) -> tuple[str, ...]:
    """Return the permitted estimators that can contradict the chosen one."""
    permitted = {estimator for _, estimator, why_not, _ in ladder if why_not is None}
    if chosen in _CONTROLLED:
        others = [name for name in _CONTROLLED if name in permitted and name != chosen]
        if "difference_in_differences" in permitted and _not_cohorts(facts) is None:
            others.append("callaway_santanna")
        return tuple(others)
    return ("local_level",) if chosen == "before_after" else ()


def _beside(ladder: list[Step], chosen: str, eligible: tuple[str, ...]) -> tuple[str, ...]:
    """Add what the facts would have chosen: a downgrade must not hide what it says."""
    first = next((estimator for _, estimator, why_not, _ in ladder if why_not is None), chosen)
    return eligible if first in (chosen, *eligible) else (first, *eligible)


def _not_cohorts(facts: Facts) -> str | None:
    if facts.scale != "additive":
        return "the effect is proportional, cohorts are compared by level"
    if facts.n_treated < TREATED_STAGGERED_MIN:
        return f"{facts.n_treated} treated units make no cohorts"
    return None if facts.is_complete else "a unit was not measured in every month"


def _ladder(facts: Facts) -> list[Step]:
    """Return (design, estimator, why not or None, reason), strongest first."""
    few = facts.n_treated < TREATED_STAGGERED_MIN
    return [
        (
            "randomized",
            "difference_in_means",
            _not_by_event(facts),
            "events were randomized and measured in both arms",
        ),
        (
            "randomized",
            "difference_in_means_by_unit",
            _not_by_unit(facts),
            f"{facts.n_treated} of {facts.n_treated + facts.n_control} units were drawn at random",
        ),
        (
            "few_treated",
            "synthetic_difference_in_differences",
            _not_synthetic(facts),
            (
                f"{facts.n_treated} units went live at once, {facts.n_donors} never; "
                f"{facts.months_before} months before"
            ),
        ),
        (
            "few_treated",
            "synthetic_control",
            _not_synthetic(facts),
            f"levels of {facts.n_donors} units that never had it mix to those of the treated",
        ),
        (
            "few_treated",
            "conformal_synthetic_control",
            _not_over_time(facts),
            (
                f"one unit went live, {facts.n_donors} never; {facts.months_before} months before "
                "make up for how few they are"
            ),
        ),
        (
            "few_treated" if few else "staggered",
            "difference_in_differences",
            _no_controls(facts),
            (
                f"{facts.n_treated} units went live in phases; in {facts.months_with_controls} of "
                f"{facts.months_treated} months at least {CONTROLS_MIN} units had no AI"
            ),
        ),
        ("series_only", "before_after", None, "nothing but the history to compare with"),
    ]


def _not_by_event(facts: Facts) -> str | None:
    if facts.assignment != "random" or facts.randomized_by != "event":
        return f"events were not randomized (assignment {facts.assignment})"
    return None if facts.has_arms else "measurements do not name their arm"


def _not_by_unit(facts: Facts) -> str | None:
    if facts.assignment != "random" or facts.randomized_by != "unit":
        return f"units were not randomized (assignment {facts.assignment})"
    return None


def _not_synthetic(facts: Facts) -> str | None:
    if facts.n_treated >= TREATED_STAGGERED_MIN:
        return f"{facts.n_treated} treated units say more by themselves"
    if facts.n_starts > 1:
        return f"units went live on {facts.n_starts} different days"
    if facts.scale != "additive":
        return "the effect is proportional, donors are mixed by level"
    if facts.n_donors < DONORS_MIN:
        return f"{facts.n_donors} donors measured throughout, needs {DONORS_MIN}"
    if facts.months_before < MONTHS_BEFORE_MIN:
        return f"{facts.months_before} months before go-live, needs {MONTHS_BEFORE_MIN}"
    return None


def _not_over_time(facts: Facts) -> str | None:
    if facts.n_treated != 1:
        return f"{facts.n_treated} treated units are compared with others"
    if not CONTROLS_MIN <= facts.n_donors < DONORS_MIN:
        return (
            f"{facts.n_donors} donors measured throughout, is for {CONTROLS_MIN} to "
            f"{DONORS_MIN - 1}"
        )
    if facts.scale != "additive":
        return "the effect is proportional, donors are mixed by level"
    # A month with the AI must be able to be the rarest of all.
    for_confidence = ceil(1 / (1 - facts.confidence) - 1e-9) - 1
    needed = max(for_confidence, STRETCHES_BEFORE_MIN * facts.months_treated) + MONTHS_LEFT_OUT
    if facts.months_before < needed:
        return f"it cannot be told: {facts.months_before} months before go-live, needs {needed}"
    return None


def _no_controls(facts: Facts) -> str | None:
    if facts.assignment == "random" and facts.randomized_by == "event":
        return "both arms are on the same units, so no unit is without the AI"
    if facts.months_treated > 0 and facts.months_with_controls == 0:
        return f"no month has {CONTROLS_MIN} units without the AI beside treated ones"
    if facts.days_before == 0:
        return "no unit was measured before it had the AI"
    return None
