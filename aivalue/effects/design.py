"""Who got the AI, in which arm, from when, assigned how; read together with the series."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from aivalue.effects.panel import Booleans, Rows
from aivalue.errors import NotEstimable

Arm = Literal["treatment", "control", "holdout"]
AssignmentKind = Literal["random", "phased", "self_selected"]
NEVER = date.max.toordinal()
_WEAKEST_FIRST: tuple[AssignmentKind, ...] = ("self_selected", "phased", "random")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One unit's place in an initiative over the half-open days [start, end)."""

    unit: str
    arm: Arm
    start: date
    end: date | None
    assignment: AssignmentKind
    randomized_by: Literal["event", "unit"] | None

    def __post_init__(self) -> None:
        if self.end is not None and not self.start < self.end:
            raise ValueError(f"{self.unit} ends on {self.end}, not after its start {self.start}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """When each unit works with the AI; a unit that never does has start NEVER.

    A unit has one stretch with the AI: from its first start to the end of the last assignment,
    open-ended if one of them is. Days after the end are neither with nor without AI.
    """

    start: dict[str, int]
    end: dict[str, int]
    controls: frozenset[str]

    def first_of(self, units: Collection[str]) -> int:
        """Return the first day with the AI on one of these units; on any where none of them has it.

        A unit that goes live and is never measured says nothing of when the others did.
        """
        return min(
            [self.start[unit] for unit in units if unit in self.start] or self.start.values()
        )

    def of_rows(self, rows: Rows) -> tuple[Booleans, Booleans]:
        """Return which rows are without AI, and which with it."""
        start = np.fromiter((self.start.get(unit, NEVER) for unit in rows.unit), np.int64)
        end = np.fromiter((self.end.get(unit, NEVER) for unit in rows.unit), np.int64)
        return rows.day < start, (rows.day >= start) & (rows.day < end)


def status_of(interventions: Sequence[Assignment]) -> Status:
    """Collect the treatment stretch of each unit, and the units named as controls."""
    start: dict[str, int] = {}
    end: dict[str, int] = {}
    for each in interventions:
        if each.arm != "treatment":
            continue
        last = NEVER if each.end is None else each.end.toordinal()
        start[each.unit] = min(start.get(each.unit, NEVER), each.start.toordinal())
        end[each.unit] = max(end.get(each.unit, 0), last)
    named = {each.unit for each in interventions if each.arm != "treatment"}
    both = sorted(named & set(start))
    by_event = all(each.randomized_by == "event" for each in interventions if each.unit in both)
    if both and not by_event:
        raise NotEstimable(f"unit {both[0]} is in treatment and in control at once")
    return Status(start=start, end=end, controls=frozenset(named))


def weakest_assignment(stated: AssignmentKind, interventions: Sequence[Assignment]) -> str:
    """Return the least convincing way of assignment that the plan or the log states."""
    kinds = {stated, *(each.assignment for each in interventions)}
    return next(kind for kind in _WEAKEST_FIRST if kind in kinds)
