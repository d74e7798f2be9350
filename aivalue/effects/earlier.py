"""A go-live that never was: the same rollout some months earlier, on data that end with the real.

Every panel estimator can be run on it as it is, so each is doubted by its own placebo in time. The
months just before go-live that estimators leave out are left out here too: units are chosen in bad
ones, and those would be found.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.checks.placebo_in_time import NAME, placebo_in_time
from aivalue.effects.checks.regression_to_the_mean import MONTHS
from aivalue.effects.design import Status
from aivalue.effects.effect import Effect, Period
from aivalue.effects.functional import average
from aivalue.effects.material import Material, kept_rows
from aivalue.effects.panel import months_between
from aivalue.errors import NotEstimable

MONTHS_BEFORE_MIN = 6  # That are left to learn levels from.


def placebo_of(material: Material, estimate: Callable[[Material], Effect]) -> CheckResult:
    """Run the estimator on the last quarter before the months that are left out."""
    try:
        found = estimate(earlier(material))
    except NotEstimable as refusal:
        return not_applicable(NAME, str(refusal))
    return placebo_in_time(average(found), n_periods=len(found.periods))


def earlier(material: Material) -> Material:
    """Return the material as if every unit had gone live two quarters before, up to one before.

    Raises
    ------
    NotEstimable
        The first unit has fewer than a year of months before its go-live.
    """
    first = material.status.first_of(material.units)
    begins = int(material.rows.day.min())
    if _months_before(first, MONTHS_BEFORE_MIN + 2 * MONTHS) < begins:
        raise NotEstimable(
            f"fewer than {MONTHS_BEFORE_MIN + 2 * MONTHS} months before the first go-live"
        )
    start = {unit: _months_before(day, 2 * MONTHS) for unit, day in material.status.start.items()}
    end = {unit: _months_before(day, MONTHS) for unit, day in material.status.start.items()}
    status = Status(start=start, end=end, controls=material.status.controls)
    measured = Period(
        start=date.fromordinal(min(start.values())), end=date.fromordinal(max(end.values()))
    )
    rows = material.rows
    without, with_ai = status.of_rows(rows)
    # Where a unit has the AI already, there is nothing to pretend.
    kept = material.without_ai & (without | with_ai)
    kept &= rows.day < measured.end.toordinal()
    rows = kept_rows(rows, kept)
    return replace(
        material,
        rows=rows,
        status=status,
        without_ai=without[kept],
        with_ai=with_ai[kept],
        units=tuple(sorted(set(rows.unit))),
        periods=months_between(date.fromordinal(int(np.min(rows.day))), measured.end),
        measured=measured,
    )


def _months_before(day: int, months: int) -> int:
    """Return the first of the month that many months before a day's."""
    at = date.fromordinal(day)
    month = at.year * 12 + at.month - 1 - months
    return date(month // 12, month % 12 + 1, 1).toordinal()
