"""Wandering level: whether the series rules out a slow walk of its level, and if not, what holds.

A walk of a tenth of the noise per step passes for a steady level in most series of a hundred
values, and moves the mean of the last thirty by more than their noise does. Where
the series leaves that open, the interval that is published allows for it, and this says so. Where
it speaks for a level that stands, the published interval takes it to stand; what that claims must
then hold with the walk taken for granted too.

Source: Harvey (1989), "Forecasting, Structural Time Series Models and the Kalman Filter", 4.2;
Stock & Watson (1998), JASA 93(441), for how little a series says of a slow walk.
"""

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.error_models.wandering import EVEN, Levels
from aivalue.effects.functional import average
from aivalue.kpis.interval import Interval

NAME = "wandering_level"
LEAST = 1e-6  # Odds below it are said as this.


def wandering_level(levels: Levels) -> CheckResult:
    """Say which interval is published; what it claims must hold if the level wanders."""
    claimed, wandering = average(levels.published), average(levels.wanders)
    is_claimed = claimed.excludes_zero
    holds = wandering.excludes_zero and claimed.point * wandering.point > 0
    is_contradicted = levels.is_open and levels.steady_by is not None
    wider = (wandering.high - wandering.low) / (claimed.high - claimed.low)
    return CheckResult(
        name=NAME,
        status="failed" if is_contradicted or (is_claimed and not holds) else "passed",
        p_value=None,
        detail=_declared(levels)
        + (_is_open(levels) if levels.is_open else _stands(levels, wandering)),
        power="the published interval holds either way"
        if levels.is_open
        else f"{wider:.1f} times as wide as published",
    )


def _declared(levels: Levels) -> str:
    if levels.steady_by is None:
        return ""
    against = ", against which the series speaks strongly" if levels.is_open else ""
    return f"{levels.steady_by} answers for a level that stands{against}; "


def _is_open(levels: Levels) -> str:
    narrower = average(levels.stands)
    return (
        f"the level may wander ({levels.odds:.2g} times as likely as that it stands), and the "
        f"interval allows for it; if it stands {narrower.point:.4g} "
        f"({narrower.low:.4g}, {narrower.high:.4g})"
    )


def _stands(levels: Levels, wandering: Interval) -> str:
    odds = (
        f"that the level stands is {1 / max(levels.odds, LEAST):.2g} times as likely as that it "
        "wanders"
        if levels.odds <= EVEN
        else f"the level may wander ({levels.odds:.2g} times as likely as that it stands)"
    )
    return f"{odds}; then {wandering.point:.4g} ({wandering.low:.4g}, {wandering.high:.4g})"
