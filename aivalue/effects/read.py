"""Run the chosen estimator on the material beside every other that the facts permit.

Where they differ by more than their errors explain, the check fails, and the least favourable is
used.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from aivalue.effects.checks.agreement import agreement, least_favourable
from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.convex_hull import convex_hull
from aivalue.effects.checks.override import override
from aivalue.effects.checks.rmspe_rank import rmspe_rank
from aivalue.effects.choose import Choice
from aivalue.effects.earlier import placebo_of
from aivalue.effects.functional import average, verdict_of
from aivalue.effects.material import Material
from aivalue.effects.read_phased import read_phased
from aivalue.effects.read_randomized import read_by_event, read_by_unit
from aivalue.effects.read_series import read_series
from aivalue.effects.read_synthetic import (
    MONTHS_LEFT_OUT,
    block_of,
    read_over_time,
    read_synthetic_difference,
)
from aivalue.effects.reading import Reading, require_events
from aivalue.errors import NotEstimable
from aivalue.kpis.plan import BetterWhen, Plan


def read(material: Material, *, design: Plan, choice: Choice, better_when: BetterWhen) -> Reading:
    """Return the reading to use, with the checks of all that was read.

    Raises
    ------
    NotEstimable
        An arm has fewer events than the design asks for, or the estimator refuses.
    """
    chosen = _READ[choice.estimator](material, design)
    rivals = _rivals(material, design, choice)
    used = least_favourable(
        chosen.effect,
        [rival.effect for rival in rivals],
        sign=1 if better_when == "higher" else -1,
    )
    reading = next(each for each in (chosen, *rivals) if each.effect is used)
    checks = list(reading.doubts())
    if used.estimator in _ON_PANELS:
        name = used.estimator
        checks.append(placebo_of(material, lambda placebo: _READ[name](placebo, design).effect))
    if rivals:
        checks.append(agreement(chosen.effect, [rival.effect for rival in rivals]))
    forced = override(choice)
    if forced is not None:
        checks.append(forced)
    return replace(reading, doubts=lambda: tuple(checks))


def _rivals(material: Material, design: Plan, choice: Choice) -> list[Reading]:
    """Run the other permitted estimators; one that refuses has nothing to say."""
    found = []
    for name in choice.eligible:
        try:
            found.append(_READ[name](material, design))
        except NotEstimable:
            continue
    return found


def _synthetic(material: Material, design: Plan, *, is_over_time: bool = False) -> Reading:
    with_ai, without = material.cells(material.with_ai), material.cells(material.without_ai)
    months = with_ai.x.sum(axis=0) > 0
    require_events(design, treated=with_ai.n.sum(), control=without.n[:, months].sum())
    block = block_of(with_ai, without, periods=material.periods)
    read_block = read_over_time if is_over_time else read_synthetic_difference
    effect, doubts = read_block(block, confidence=design.confidence)
    return Reading(
        effect=effect,
        # How units moved before and whether they were measured alike does not hang on weights.
        doubts=lambda: (*doubts(), *read_phased(material, design).doubts()),
        parameters=(("months_left_out_before_go_live", str(MONTHS_LEFT_OUT)),),
    )


def _one_mix(material: Material, design: Plan) -> Reading:
    """Compare levels with one mix of donors, where the donors reach as far."""
    # Only a rollout of few units pays for importing it.
    from aivalue.effects.estimators.synthetic_control import synthetic_control
    from aivalue.effects.estimators.synthetic_effect import synthetic_control_effect

    with_ai, without = material.cells(material.with_ai), material.cells(material.without_ai)
    block = block_of(with_ai, without, periods=material.periods)
    hull = convex_hull(block.treated[: block.n_before], block.donors[:, : block.n_before])
    if hull.status == "failed":
        raise NotEstimable(f"no mix of donors is like the treated: {hull.detail}")
    found = synthetic_control(block.treated, block.donors, block.n_before)
    effect = synthetic_control_effect(
        found,
        block.observed,
        block.volume,
        periods=block.periods,
        n_treated=len(block.share),
        confidence=design.confidence,
    )
    is_claimed = verdict_of(average(effect), "higher") != "inconclusive"

    def doubts() -> tuple[CheckResult, ...]:
        return (
            hull,
            rmspe_rank(found.gap, found.placebo_gaps, block.n_before, is_claimed=is_claimed),
            *read_phased(material, design).doubts(),
        )

    return Reading(
        effect=effect,
        doubts=doubts,
        parameters=(("months_left_out_before_go_live", str(MONTHS_LEFT_OUT)),),
    )


def _cohorts(material: Material, design: Plan) -> Reading:
    """Compare cohorts of months, for which every unit must be measured in every month."""
    # A sixth of a second to import, which only a rollout of this kind pays for.
    from aivalue.effects.estimators.callaway_santanna import callaway_santanna
    from aivalue.effects.estimators.staggered import StaggeredPanel

    with_ai, without = material.cells(material.with_ai), material.cells(material.without_ai)
    has_ai = with_ai.x > 0
    y, x = np.where(has_ai, with_ai.y, without.y), np.where(has_ai, with_ai.x, without.x)
    never = len(material.periods)
    panel = StaggeredPanel(
        outcome=np.where(x > 0, y / np.where(x > 0, x, 1.0), np.nan),
        first_treated=np.where(has_ai.any(axis=1), has_ai.argmax(axis=1), never),
        units=material.units,
        periods=material.periods,
    )
    effect = callaway_santanna(panel, comparison="not_yet_treated", confidence=design.confidence)
    return replace(read_phased(material, design), effect=effect, parameters=())


_ON_PANELS = {
    "synthetic_difference_in_differences",
    "synthetic_control",
    "conformal_synthetic_control",
    "difference_in_differences",
    "callaway_santanna",
}
_READ: dict[str, Callable[[Material, Plan], Reading]] = {
    "difference_in_means": read_by_event,
    "difference_in_means_by_unit": read_by_unit,
    "synthetic_difference_in_differences": _synthetic,
    "synthetic_control": _one_mix,
    "conformal_synthetic_control": partial(_synthetic, is_over_time=True),
    "difference_in_differences": read_phased,
    "callaway_santanna": _cohorts,
    "before_after": read_series,
    "local_level": partial(read_series, errors="local_level"),
}
