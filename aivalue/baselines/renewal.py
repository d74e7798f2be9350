"""When a baseline no longer stands for "before": age, or a process that works another way now.

After a year a new one should be cut where units without the AI still show what "before" is; after
two years markets, products and people are others. A redesigned process, or a KPI that means
something else, ends a baseline at once, whatever its age.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from aivalue.kpis.definition import Kpi, Window
from aivalue.kpis.effective import changed_meaning

DUE_YEARS, EXPIRY_YEARS = 1, 2

Standing = Literal["current", "due", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """Whether a new baseline should be cut (due) or must be (expired), and why."""

    standing: Standing
    due_on: date
    expires_on: date
    reasons: Sequence[str]


def renewal_of(
    window: Window, *, frozen_kpi: Kpi, kpi: Kpi, redesigned_on: date | None, today: date
) -> Renewal:
    """Judge a baseline of a window; `kpi` is the definition of today."""
    due_on, expires_on = years_after(window.end, DUE_YEARS), years_after(window.end, EXPIRY_YEARS)
    ended, aged = [], []
    if redesigned_on is not None and redesigned_on > window.start:
        ended.append(f"the process has worked another way since {redesigned_on}")
    changed = changed_meaning(frozen_kpi, kpi)
    if changed:
        ended.append(f"the KPI has changed in {', '.join(changed)}")
    if today >= expires_on:
        ended.append(f"the window ended on {window.end}, more than two years ago")
    elif today >= due_on:
        aged.append(f"the window ended on {window.end}, more than a year ago")
    return Renewal(
        standing="expired" if ended else "due" if aged else "current",
        due_on=due_on,
        expires_on=expires_on,
        reasons=[*ended, *aged],
    )


def years_after(day: date, years: int) -> date:
    """Return the same day of a later year; 29 February has no anniversary in most."""
    if (day.month, day.day) == (2, 29):
        return day.replace(year=day.year + years, day=28)
    return day.replace(year=day.year + years)
