"""What differs between two states of the same history: frozen against now, or version to version.

A frozen baseline never follows late or corrected events; it is the difference that is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from aivalue.baselines.level import levels_of
from aivalue.errors import NotFreezable
from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import COLUMNS, Key, Series, columns_of

EXAMPLES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferingDay:
    """A unit-day that differs, and how."""

    unit: str
    day: date
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a later state differs from an earlier one.

    Attributes
    ----------
    added, removed, changed :
        Rows (unit, segment, arm and day) only later, only earlier, and in both but not equal.
    days :
        The first unit-days that differ, sorted by day and unit.
    level_before, level_after :
        None where a state has no level, for instance because nothing is left.
    """

    added: int
    removed: int
    changed: int
    days: tuple[DifferingDay, ...]
    level_before: Decimal | None
    level_after: Decimal | None

    @property
    def is_none(self) -> bool:
        """Whether both states are equal."""
        return not (self.added or self.removed or self.changed)


def difference_of(before: Series, after: Series, kpi: Kpi) -> Difference:
    """Compare two states row by row and by level."""
    earlier, later = _rows(before), _rows(after)
    added = sorted(later.keys() - earlier.keys(), key=_by_day)
    removed = sorted(earlier.keys() - later.keys(), key=_by_day)
    changed = sorted(
        (key for key in earlier.keys() & later.keys() if earlier[key] != later[key]), key=_by_day
    )
    return Difference(
        added=len(added),
        removed=len(removed),
        changed=len(changed),
        days=_first(added=added, removed=removed, changed=changed),
        level_before=_level(before, kpi),
        level_after=_level(after, kpi),
    )


def _rows(series: Series) -> dict[Key, tuple[object, ...]]:
    columns = columns_of(series)
    cells = zip(*(columns[name] for name in COLUMNS[4:]), strict=True)
    keys = zip(series.unit, series.segment, series.arm, series.day, strict=True)
    return dict(zip(keys, cells, strict=True))


def _first(**keys: Sequence[Key]) -> tuple[DifferingDay, ...]:
    days = {
        DifferingDay(unit=key[0], day=key[3], how=how)
        for how, some in keys.items()
        for key in some[:EXAMPLES_MAX]
    }
    ordered = sorted(days, key=lambda each: (each.day, each.unit, each.how))
    return tuple(ordered[:EXAMPLES_MAX])


def _by_day(key: Key) -> tuple[date, str, str, str]:
    unit, segment, arm, day = key
    return day, unit, segment, arm


def _level(series: Series, kpi: Kpi) -> Decimal | None:
    try:
        return levels_of(series, kpi).overall
    except NotFreezable:
        return None
