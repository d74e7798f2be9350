"""Read a phased rollout, with the checks that belong to it."""

from dataclasses import dataclass, replace

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.control_support import control_support
from aivalue.effects.checks.missing_data import missing_data
from aivalue.effects.checks.regression_to_the_mean import MONTHS, regression_to_the_mean
from aivalue.effects.doubts import doubts_before, doubts_of_units
from aivalue.effects.estimators.difference_in_differences import Rollout, difference_in_differences
from aivalue.effects.material import Material
from aivalue.effects.panel import Booleans, Cells, Floats, Integers
from aivalue.effects.readings.reading import Reading, require_events
from aivalue.kpis.plan import Plan

MONTHS_BEFORE_FOR_DONUT = 9  # The donut may take a third of the history, never more.


def read_phased(material: Material, design: Plan, *, allows_for_scatter: bool = True) -> Reading:
    """Compare units with their own past, beside those that do not have the AI yet.

    `allows_for_scatter` says whether the interval to be published allows for treated units that
    vary more or less than the others, as this one does; others borrow the checks alone.
    """
    with_ai, without = material.cells(material.with_ai), material.cells(material.without_ai)
    months = with_ai.x.sum(axis=0) > 0
    require_events(design, treated=with_ai.n.sum(), control=without.n[:, months].sum())
    donut = donut_of(material, without)
    in_donut, is_treated, to_start = donut.cells, donut.is_treated, donut.to_start
    rollout = Rollout(
        periods=material.periods,
        units=material.units,
        y_untreated=np.where(in_donut, 0.0, without.y),
        x_untreated=np.where(in_donut, 0.0, without.x),
        y_treated=with_ai.y,
        x_treated=with_ai.x,
    )
    all_cells = replace(rollout, y_untreated=without.y, x_untreated=without.x)
    effect = difference_in_differences(rollout, scale=design.scale, confidence=design.confidence)
    shown = [period for period, any_ in zip(material.periods, months, strict=True) if any_]
    seen = without.x.sum(axis=1) > 0
    whole = without.x.sum(axis=0) > 0
    y, x = without.y[np.ix_(seen, whole)], without.x[np.ix_(seen, whole)]
    distance = to_start[np.ix_(seen, whole)]

    def doubts() -> tuple[CheckResult, ...]:
        return (
            control_support(shown, effect.periods),
            _measured_alike(material, is_treated, months),
            *doubts_before(
                *(y, x, distance, effect, all_cells),
                scale=design.scale,
                allows_for_scatter=allows_for_scatter,
            ),
            regression_to_the_mean(y, x, distance, scale=design.scale, left_out=donut.of_all),
            *doubts_of_units(with_ai, without, material.units, effect, scale=design.scale),
        )

    return Reading(
        effect=effect,
        doubts=doubts,
        parameters=(("scale", design.scale), ("months_left_out_before_go_live", donut.in_words)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Donut:
    """The months just before go-live: units are chosen in bad ones, so they are left out.

    Attributes
    ----------
    cells, to_start : shape (n_units, n_periods)
        Which are left out, and the months to each unit's go-live.
    is_treated : shape (n_units,)
    of_all : bool
        Every treated unit has history enough to leave them out.
    """

    cells: Booleans
    to_start: Integers
    is_treated: Booleans
    of_all: bool

    @property
    def in_words(self) -> str:
        """How many months are left out."""
        return str(MONTHS if self.cells.any() else 0)


def donut_of(material: Material, without: Cells) -> Donut:
    """Find the cells without AI to leave out."""
    to_start = material.months_to_start()
    is_treated = np.array([unit in material.status.start for unit in material.units])
    to_start[~is_treated] = 0
    before = ((without.x > 0) & (to_start >= 1)).sum(axis=1)
    cells = (to_start >= 1) & (to_start <= MONTHS)
    cells &= (before >= MONTHS_BEFORE_FOR_DONUT)[:, None]
    return Donut(
        cells=cells,
        to_start=to_start,
        is_treated=is_treated,
        of_all=bool(cells.any() and (before[is_treated] >= MONTHS_BEFORE_FOR_DONUT).all()),
    )


def _measured_alike(material: Material, is_treated: Booleans, months: Booleans) -> CheckResult:
    with_ai, without = (
        material.share_of_days(rows) for rows in (material.with_ai, material.without_ai)
    )
    before = ~months
    # The month in which a unit goes live is on neither side whole.
    to_start = material.months_to_start()
    starts_then = is_treated[:, None] & (to_start == 0)
    with_ai, without = (np.where(starts_then, 0.0, days) for days in (with_ai, without))

    def share(days: Floats) -> float:
        return float(days[days > 0].mean()) if (days > 0).any() else 0.0

    # The same units on both sides: those that are without the AI beside treated ones.
    others = (without[:, months] > 0).any(axis=1)
    # Units that have none at all in a month are not yet treated there, or closed: not counted.
    return missing_data(
        treated_before=share(without[is_treated][:, before]),
        treated_after=share(with_ai[is_treated]),
        control_before=share(without[others][:, before]),
        control_after=share(without[others][:, months]),
    )
