"""Read units beside others: mixes of donors, and cohorts of a phased rollout."""

from dataclasses import replace

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.convex_hull import convex_hull
from aivalue.effects.checks.rmspe_rank import rmspe_rank
from aivalue.effects.checks.unequal_scatter import unequal_scatter
from aivalue.effects.error_models.scatter import scatter_of
from aivalue.effects.functional import average
from aivalue.effects.material import Material
from aivalue.effects.readings.phased import read_phased
from aivalue.effects.readings.reading import Reading, require_events
from aivalue.effects.readings.synthetic import (
    MONTHS_LEFT_OUT,
    block_of,
    read_over_time,
    read_synthetic_difference,
)
from aivalue.errors import NotEstimable
from aivalue.kpis.plan import Plan

_PARAMETERS = (("months_left_out_before_go_live", str(MONTHS_LEFT_OUT)),)


def read_mix(material: Material, design: Plan, *, is_over_time: bool = False) -> Reading:
    """Compare the treated with a mix of donors, by their placebos or by shifts of time."""
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
        parameters=_PARAMETERS,
    )


def read_one_mix(material: Material, design: Plan) -> Reading:
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
    effect = replace(
        synthetic_control_effect(
            found,
            block.observed,
            block.volume,
            periods=block.periods,
            n_treated=block.n_alike,
            confidence=design.confidence,
        ),
        n_treated=len(block.share),
    )
    is_claimed = average(effect).excludes_zero

    def doubts() -> tuple[CheckResult, ...]:
        return (
            hull,
            rmspe_rank(found.gap, found.placebo_gaps, block.n_before, is_claimed=is_claimed),
            unequal_scatter(scatter_of([found.past(block.n_alike)]), is_allowed_for=True),
            *read_phased(material, design).doubts(),
        )

    return Reading(
        effect=effect,
        doubts=doubts,
        parameters=_PARAMETERS,
    )


def read_cohorts(material: Material, design: Plan) -> Reading:
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
    # Small cohorts borrow their spread from all.
    checked = read_phased(material, design, allows_for_scatter=False)
    return replace(checked, effect=effect, parameters=())
