"""Read what was randomized, by event or by unit, with the checks that belong to it."""

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.checks.covariate_not_affected import NAME as COVARIATE
from aivalue.effects.checks.covariate_not_affected import covariate_not_affected
from aivalue.effects.checks.sample_ratio import sample_ratio
from aivalue.effects.estimators.difference_in_means import (
    difference_in_means,
    difference_in_means_by_unit,
)
from aivalue.effects.functional import average
from aivalue.effects.material import CONTROL_ARMS, Material
from aivalue.effects.panel import Booleans, Cells, Floats
from aivalue.effects.readings.reading import Reading, require_events
from aivalue.errors import NotEstimable
from aivalue.kpis.plan import Plan


def read_by_event(material: Material, design: Plan) -> Reading:
    """Compare arms within units."""
    treated_rows = material.with_ai & material.in_arm({"treatment"})
    control_rows = material.with_ai & material.in_arm(CONTROL_ARMS)
    treated, control = material.cells(treated_rows), material.cells(control_rows)
    require_events(design, treated=treated.n.sum(), control=control.n.sum())
    effect = difference_in_means(
        treated, control, periods=material.periods, confidence=design.confidence
    )
    n_by_day = [_per_day(material, rows) for rows in (treated_rows, control_rows)]
    return Reading(effect=effect, doubts=lambda: (sample_ratio(n_by_day[0], n_by_day[1]),))


def read_by_unit(material: Material, design: Plan) -> Reading:
    """Compare units that were drawn, each one cluster over all its months."""
    in_window = material.rows.day >= material.measured.start.toordinal()
    is_treated = np.array([unit in material.status.start for unit in material.units])
    with_ai, without = (
        material.cells(material.with_ai),
        material.cells(material.without_ai & in_window),
    )
    treated, control = with_ai.of(is_treated), without.of(~is_treated)
    require_events(design, treated=treated.n.sum(), control=control.n.sum())
    effect = difference_in_means_by_unit(
        treated, control, periods=material.periods, confidence=design.confidence
    )
    return Reading(
        effect=effect,
        doubts=lambda: (
            _units_seen(material, treated, control),
            _alike_before(material, is_treated, design),
        ),
    )


def _alike_before(material: Material, is_treated: Booleans, design: Plan) -> CheckResult:
    """Read the months before go-live as if they were the outcome: the draw must not show there."""
    early = material.without_ai & (material.rows.day < material.measured.start.toordinal())
    before = material.cells(early)
    try:
        effect = difference_in_means_by_unit(
            before.of(is_treated),
            before.of(~is_treated),
            periods=material.periods,
            confidence=design.confidence,
        )
    except NotEstimable as refusal:
        return not_applicable(COVARIATE, str(refusal))
    change = ("the KPI before", average(effect), effect.degrees_of_freedom)
    return covariate_not_affected([change])


def _units_seen(material: Material, treated: Cells, control: Cells) -> CheckResult:
    """Compare the units measured with the units drawn: attrition shows as a changed split."""
    n_drawn = len(material.status.start), len(material.status.controls)
    share = n_drawn[0] / sum(n_drawn) if all(n_drawn) else None
    seen = [float((arm.n.sum(axis=1) > 0).sum()) for arm in (treated, control)]
    return sample_ratio(seen[:1], seen[1:], share_treated=share)


def _per_day(material: Material, chosen: Booleans) -> Floats:
    days = material.rows.day - material.rows.day.min()
    n = material.rows.moments.n[chosen]
    return np.bincount(days[chosen], n, int(days.max()) + 1).astype(np.float64)
