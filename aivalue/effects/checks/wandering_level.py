"""Wandering level: whether a slow walk of the level, which a short series hides, explains it all.

A walk of a tenth of the noise per step passes for a steady level in most series of a hundred
values, and moves the mean of the last thirty by more than their noise does. An interval that
allows for every such walk would be far too wide wherever there is none, so the estimate does not;
what it claims must then hold with the walk taken for granted.

Source: Harvey (1989), "Forecasting, Structural Time Series Models and the Kalman Filter", 4.2;
Stock & Watson (1998), JASA 93(441), for how little a series says of a slow walk.
"""

from aivalue.effects.checks.check import CheckResult
from aivalue.kpis.interval import Interval

NAME = "wandering_level"


def wandering_level(claimed: Interval, wandering: Interval) -> CheckResult:
    """Compare the interval with that of a level known to wander; the claim must hold in both."""
    is_claimed = _excludes_zero(claimed)
    holds = _excludes_zero(wandering) and claimed.point * wandering.point > 0
    wider = (wandering.high - wandering.low) / (claimed.high - claimed.low)
    return CheckResult(
        name=NAME,
        status="failed" if is_claimed and not holds else "passed",
        p_value=None,
        detail=f"{wandering.point:.4g} ({wandering.low:.4g}, {wandering.high:.4g}) if the level "
        + ("wanders" if is_claimed else "wanders; nothing is claimed that a walk could explain"),
        power=f"{wider:.1f} times as wide as claimed",
    )


def _excludes_zero(interval: Interval) -> bool:
    return not interval.low <= 0 <= interval.high
