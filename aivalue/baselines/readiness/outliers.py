"""Weeks far from what the unit usually shows, and units that look like copies of each other."""

import numpy as np

from aivalue.baselines.readiness.item import Item, graded
from aivalue.baselines.readiness.weekly import Floats, Weeks, robust_residuals

# Of a normal distribution 1 in 1.7 million weeks lies beyond 5 deviations.
DEVIATIONS = 5.0
SHARE_PASSES, SHARE_WARNS = 0.01, 0.05
# The median absolute deviation of a normal distribution is 1 / 1.4826 of its deviation.
MAD_TO_DEVIATION = 1.4826


def outlier_item(weeks: Weeks) -> Item:
    """Count the unit-weeks that lie more than five robust deviations off."""
    rest = robust_residuals(weeks.level())
    distance = np.abs(rest - np.nanmedian(rest)) / _spread(rest)
    far = np.argwhere(distance > DEVIATIONS)
    n = int((~np.isnan(rest)).sum())
    share = len(far) / n if n else 0.0
    order = sorted(far.tolist(), key=lambda cell: -distance[cell[0], cell[1]])
    named = ", ".join(
        f"{weeks.units[unit]} in the week of {weeks.day_of(week)}" for unit, week in order[:3]
    )
    return Item(
        name="outliers",
        status=graded(-share, passes=-SHARE_PASSES, warns=-SHARE_WARNS),
        number=share,
        needed=f"at most {SHARE_PASSES:.0%} of the unit-weeks beyond {DEVIATIONS:g} deviations",
        detail=f"{len(far)} of {n} unit-weeks" + (f", first {named}" if named else ""),
    )


def copies_item(weeks: Weeks) -> Item:
    """Look for units with equal values in every week: one process registered twice."""
    seen: dict[bytes, str] = {}
    copies = []
    for unit, top, bottom in zip(weeks.units, weeks.top, weeks.bottom, strict=True):
        first = seen.setdefault(top.tobytes() + bottom.tobytes(), unit)
        if first != unit:
            copies.append(f"{unit} repeats {first}")
    return Item(
        name="duplicates",
        status="fail" if copies else "pass",
        number=float(len(copies)),
        needed="no unit that repeats another",
        detail="; ".join(copies[:5]) or f"{len(weeks.units)} units, all different",
    )


def _spread(rest: Floats) -> float:
    spread = MAD_TO_DEVIATION * float(np.nanmedian(np.abs(rest - np.nanmedian(rest))))
    # More than half of the weeks alike: the mean deviation takes the place of the median.
    return spread or 1.2533 * float(np.nanmean(np.abs(rest))) or 1.0
