"""Regression to the mean: a unit picked when it did badly gets better without any AI.

How much of the difference between units lasts is their reliability: the correlation of odd with
even weeks' levels, stepped up to the whole window by Spearman and Brown. A unit at distance d
from the others is expected to lose (1 - reliability) d. The last quarter before go-live is looked
at apart: whoever picks a unit looks at its recent weeks.

Source: Barnett, van der Pols & Dobson (2005), International Journal of Epidemiology 34(1).
"""

import math
from collections.abc import Sequence

import numpy as np

from aivalue.baselines.readiness.item import Item
from aivalue.baselines.readiness.weekly import Weeks, long_run_deviation, residuals

UNITS_MIN = 4
RECENT_WEEKS = 13
# A move that nobody would take for an effect.
EXPECTED_PASSES = 0.05
# One-sided 5 %: whoever picks a unit picks it for being bad, not for being unusual.
DEVIATIONS_WARN = 1.645


def regression_item(weeks: Weeks, pilots: Sequence[str]) -> Item | None:
    """Say how much the pilot units would move back by themselves; None without pilot units."""
    rows = [weeks.units.index(unit) for unit in pilots if unit in weeks.units]
    if not rows:
        return None
    if len(weeks.units) < UNITS_MIN or len(rows) == len(weeks.units):
        return _open(
            needed=f"{UNITS_MIN} units or more, some of them not pilots",
            detail="too few other units to tell a bad unit from a bad stretch",
        )
    level = np.nanmean(weeks.level(), axis=1)
    own, of_all = float(level[rows].mean()), float(level.mean())
    if not (own and of_all):
        return _open(
            needed="levels other than 0, of which a move is a share",
            detail=f"{', '.join(pilots)}: the level is {own:g}, of all units {of_all:g}",
        )
    reliability = _reliability(weeks)
    distance = own - of_all
    expected = -(1 - reliability) * distance / abs(own)
    recent = _recent_deviations(weeks, rows)
    suspicious = abs(expected) > EXPECTED_PASSES or abs(recent) > DEVIATIONS_WARN
    return Item(
        name="regression to the mean",
        status="warn" if suspicious else "pass",
        number=expected,
        needed=f"pilot units within {EXPECTED_PASSES:.0%} of what they would be without selection",
        detail=(
            f"{', '.join(pilots)}: {distance / abs(of_all):+.0%} from the mean of all "
            f"units, reliability {reliability:.2f}: expected to move {expected:+.1%} by itself; "
            f"last {min(RECENT_WEEKS, weeks.n_weeks)} weeks {recent:+.1f} deviations off"
        ),
    )


def _open(*, needed: str, detail: str) -> Item:
    return Item(
        name="regression to the mean", status="warn", number=None, needed=needed, detail=detail
    )


def _reliability(weeks: Weeks) -> float:
    level = weeks.level()
    seen = ~np.isnan(level)
    level = level[seen[:, ::2].any(axis=1) & seen[:, 1::2].any(axis=1)]
    if not len(level):
        return 0.0
    odd, even = np.nanmean(level[:, ::2], axis=1), np.nanmean(level[:, 1::2], axis=1)
    if not (odd.std() and even.std()):
        return 0.0
    half = max(float(np.corrcoef(odd, even)[0, 1]), 0.0)
    return 2 * half / (1 + half)


def _recent_deviations(weeks: Weeks, rows: list[int]) -> float:
    rest = residuals(weeks.level())
    n_recent = min(RECENT_WEEKS, weeks.n_weeks)
    deviation = long_run_deviation(rest) / math.sqrt(n_recent * len(rows))
    recent = float(np.nanmean(rest[rows, -n_recent:]))
    return recent / deviation if deviation else 0.0
