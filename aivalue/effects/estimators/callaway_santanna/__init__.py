"""Difference-in-differences by cohort and period, never using a treated unit as a comparison."""

from aivalue.effects.estimators.callaway_santanna.aggregate import (
    average_effects,
    cell_effects,
    pre_trend,
)
from aivalue.effects.estimators.callaway_santanna.effect import callaway_santanna
from aivalue.effects.estimators.callaway_santanna.group_time import GroupTime, group_time_effects

__all__ = [
    "GroupTime",
    "average_effects",
    "callaway_santanna",
    "cell_effects",
    "group_time_effects",
    "pre_trend",
]
