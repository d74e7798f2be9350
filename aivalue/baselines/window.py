"""What a baseline covers: days before go-live, units, and days taken out with a reason."""

from collections.abc import Callable, Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from aivalue.errors import NotFreezable
from aivalue.kpis.definition import Exclusion, Text, Window
from aivalue.kpis.series import Key as SeriesKey
from aivalue.kpis.series import Series


def require_before(
    window: Window, *, go_live: date | None, today: date, redesigned_on: date | None = None
) -> None:
    """Refuse a window that is not over, or that mixes the process with another.

    Raises
    ------
    NotFreezable
        Saying which day it needs.
    """
    if go_live is not None and window.end > go_live:
        raise NotFreezable(
            f"a baseline is what was before: it must end by the go-live on {go_live}, "
            f"this one ends on {window.end}"
        )
    if redesigned_on is not None and window.start < redesigned_on < window.end:
        raise NotFreezable(
            f"the process has worked another way since {redesigned_on}: a baseline holds days "
            f"before or after, this one goes from {window.start} to {window.end}"
        )
    if window.end > today:
        raise NotFreezable(
            f"the window is not over: it ends on {window.end}, today is {today}, "
            "and later measurements would be missing"
        )


def is_reconstructed(go_live: date | None, today: date) -> bool:
    """Say whether a baseline frozen today comes after the fact, which caps evidence at grade C."""
    return go_live is not None and today >= go_live


def days_in(window: Window) -> int:
    """Count the days of the window."""
    return (window.end - window.start).days


def excluded_days(
    exclusions: Iterable[Exclusion], window: Window
) -> Callable[[str], frozenset[int]]:
    """Return a function: unit -> the ordinals of the window's days that are taken out for it."""
    everywhere: set[int] = set()
    by_unit: dict[str, set[int]] = {}
    for each in exclusions:
        start, end = max(each.start, window.start), min(each.end, window.end)
        days = range(start.toordinal(), end.toordinal())
        if each.units is None:
            everywhere.update(days)
        for unit in each.units or ():
            by_unit.setdefault(unit, set()).update(days)
    common = frozenset(everywhere)
    whole = {unit: common | days for unit, days in by_unit.items()}
    return lambda unit: whole.get(unit, common)


class Scope(BaseModel):
    """What to freeze: days, units (None: all that were measured) and what is taken out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window: Window
    units: tuple[Text, ...] | None = Field(default=None, min_length=1)
    exclusions: tuple[Exclusion, ...] = ()


def restrict(series: Series, scope: Scope) -> Series:
    """Return the rows of the scope: in the window, of its units, on no excluded day."""
    start, end = scope.window.start, scope.window.end
    excluded = excluded_days(scope.exclusions, scope.window)
    chosen = None if scope.units is None else frozenset(scope.units)

    def wanted(key: SeriesKey) -> bool:
        unit, _, _, day = key
        if not start <= day < end or (chosen is not None and unit not in chosen):
            return False
        return not scope.exclusions or day.toordinal() not in excluded(unit)

    return series.where(wanted)
