"""Which version of a KPI's definition holds for the measurements of a window.

A version that names no day says what the KPI is, for all days. One that names a day says what it
is from then on: measurements of before belong to the version before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from aivalue.errors import NotFreezable
from aivalue.kpis.definition import Kpi, Window

# What a KPI means; a new name or description is the same KPI.
MEANING = ("unit", "better_when", "aggregation", "grain", "numerator", "denominator")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedKpi:
    """One version; `holds_from` is None where it holds for all days."""

    version: int
    sha256: str
    holds_from: date | None
    kpi: Kpi


def changed_meaning(before: Kpi, after: Kpi) -> list[str]:
    """Return the fields in which two versions mean something else."""
    return [name for name in MEANING if getattr(before, name) != getattr(after, name)]


def version_for(window: Window, versions: Sequence[DatedKpi]) -> DatedKpi:
    """Return the version that holds on all days of a window.

    Raises
    ------
    NotFreezable
        The KPI begins to mean something else inside the window.
    """
    ordered = sorted(versions, key=lambda each: each.version)
    found = ordered[0]
    for each in ordered[1:]:
        if each.holds_from is None or each.holds_from <= window.start:
            found = each
        elif changed := changed_meaning(found.kpi, each.kpi):
            if each.holds_from < window.end:
                raise NotFreezable(
                    f"KPI {each.kpi.key} has another {', '.join(changed)} from {each.holds_from} "
                    f"on: a baseline holds days before or after, this one goes from "
                    f"{window.start} to {window.end}"
                )
        else:
            found = each
    return found
