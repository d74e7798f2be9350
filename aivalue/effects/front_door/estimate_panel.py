"""Estimate on a user's own table: choose, run, cross-check, grade.

Every permitted estimator that can contradict the chosen one is run too. Where they differ by more
than their errors explain, the check fails, the grade falls, and the least favourable one is used.
One that was asked for stays the figure, and is compared with what the table would be read by.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from aivalue.effects.arms.power import minimum_detectable
from aivalue.effects.checks.agreement import agreement, least_favourable
from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.override import override
from aivalue.effects.choose import Choice
from aivalue.effects.effect import Effect, Verdict
from aivalue.effects.error_models.wandering import Levels
from aivalue.effects.front_door.choice import choose_for
from aivalue.effects.front_door.counts import counts_of
from aivalue.effects.front_door.course import Course
from aivalue.effects.front_door.own_reading import permuted_reading, share_of
from aivalue.effects.front_door.ran import Inference, Options, OwnReading, Ran
from aivalue.effects.front_door.run import run
from aivalue.effects.front_door.table import Matrices, PanelTable, matrices_of
from aivalue.effects.front_door.unused import unused_by
from aivalue.effects.functional import average, verdict_of
from aivalue.effects.grade import Graded, grade_of
from aivalue.effects.permutations.permutation import Permutation
from aivalue.effects.segments.parts import ChangeParts
from aivalue.effects.sequential.monitoring import Monitored, monitored
from aivalue.effects.student_t import two_sided_p
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval
from aivalue.kpis.plan import BetterWhen


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelEstimate:
    """What a table says about the effect.

    Attributes
    ----------
    figure : Interval
        Effect per treated unit and time, or its share of the level without AI.
    p_value : float
        Two-sided, of the level effect; below 1 - confidence exactly when its interval excludes 0.
    detectable : float
        Level effect that would be found in 80 % of cases.
    rivals : effects of the other permitted estimators
        Beside one that was asked for, of the one that the table would be read by.
    monitored : Monitored or None
        Of a randomized design, the readings that allow peeking.
    unused : tuple of str
        What the table holds and the estimator had no use for, in words.
    own : OwnReading or None
        Of an estimator whose intervals are not as wide on both sides: `figure` is from there.
    inference : Inference
        What `figure` and `p_value` rest on.
    by_permutation : Permutation or None
        Of few treated units, the reading that rests on nothing but who went live when.
    permutation_why_not : str or None
        Why such units have no such reading.
    course
        Makes the levels time by time, with the AI and without; what a picture shows.
    levels : Levels or None
        Of one series, the readings with a level that stands and one that wanders; `effect` is one.
    parts : ChangeParts or None
        Of a series whose mix of segments was held: why its total changed.
    """

    effect: Effect
    figure: Interval
    p_value: float
    verdict: Verdict
    graded: Graded
    checks: tuple[CheckResult, ...]
    choice: Choice
    detectable: float
    rivals: tuple[Effect, ...]
    monitored: Monitored | None
    course: Callable[[], Course] = field(repr=False, compare=False)
    unused: tuple[str, ...] = ()
    own: OwnReading | None = None
    inference: Inference = "calibrated"
    by_permutation: Permutation | None = None
    permutation_why_not: str | None = None
    levels: Levels | None = None
    parts: ChangeParts | None = None


def estimate_panel(
    table: PanelTable,
    *,
    estimator: str = "auto",
    better_when: BetterWhen = "higher",
    is_relative: bool = False,
    approver: str | None = None,
    options: Options | None = None,
    confidence: float = 0.95,
) -> PanelEstimate:
    """Estimate the effect of the AI on the treated rows' outcome.

    `confidence` counts where no options are given.

    Raises
    ------
    NotEstimable
        The table cannot support the estimate; the message says which row or count is at fault.
    """
    options = Options(confidence=confidence) if options is None else options
    panel = matrices_of(table, may_alternate=estimator == "switchback")
    choice = choose_for(
        counts_of(panel), wanted=estimator, approver=approver, confidence=options.confidence
    )
    ran = run(choice.estimator, panel, options)
    rivals, choice = _rivals(choice, panel, options)
    used = _used(ran, rivals, better_when) if estimator == "auto" else ran
    compared = (agreement(ran.effect, [rival.effect for rival in rivals]),)
    is_compared = bool(rivals) or estimator == "auto"
    checks = (*used.doubts(), *(compared if is_compared else ()), *_forced(choice))
    own = used.own if options.inference == "calibrated" else permuted_reading(used)
    level = average(used.effect) if own is None else own.average
    return PanelEstimate(
        effect=used.effect,
        figure=share_of(used.effect, own) if is_relative else level,
        p_value=_p_value(used.effect, level, own),
        verdict=verdict_of(level, better_when),
        graded=grade_of(
            design=choice.design,
            estimator=used.effect.estimator,
            checks=checks,
            reconstructed=False,
        ),
        checks=checks,
        choice=choice,
        detectable=minimum_detectable(
            level.standard_error,
            degrees_of_freedom=used.effect.degrees_of_freedom,
            confidence=level.confidence,
        ),
        rivals=tuple(rival.effect for rival in rivals),
        monitored=_monitored(used.effect, options),
        course=used.course,
        unused=unused_by(used.effect, panel, options),
        own=own,
        inference=options.inference,
        by_permutation=None if used.permuted is None else used.permuted.reading(),
        permutation_why_not=None if used.permuted is None else used.permuted.why_not(),
        levels=used.levels,
    )


def _forced(choice: Choice) -> tuple[CheckResult, ...]:
    forced = override(choice)
    return () if forced is None else (forced,)


def _monitored(effect: Effect, options: Options) -> Monitored | None:
    if effect.design != "randomized":
        return None
    return monitored(
        effect, n_planned=options.planned_subjects, expected_size=options.expected_size
    )


def _p_value(effect: Effect, level: Interval, own: OwnReading | None) -> float:
    if own is not None:
        return own.p_value
    return two_sided_p(level.point / level.standard_error, effect.degrees_of_freedom)


def _rivals(choice: Choice, panel: Matrices, options: Options) -> tuple[tuple[Ran, ...], Choice]:
    """Run the other permitted estimators, and record why any has nothing to say."""
    found, silent = [], {}
    for name in choice.eligible:
        try:
            ran = run(name, panel, options)
        except NotEstimable as refusal:
            silent[name] = str(refusal)
            continue
        if ran.unlike is None:
            found.append(ran)
        else:
            silent[name] = ran.unlike
    alternatives = tuple(
        replace(each, why_not=silent.get(each.estimator, each.why_not))
        for each in choice.alternatives
    )
    return tuple(found), replace(choice, alternatives=alternatives)


def _used(ran: Ran, rivals: tuple[Ran, ...], better_when: BetterWhen) -> Ran:
    sign = 1 if better_when == "higher" else -1
    effects = [rival.effect for rival in rivals]
    used = least_favourable(ran.effect, effects, sign=sign)
    return next(each for each in (ran, *rivals) if each.effect is used)
