"""Pre-registration: whether what is read was written down before there was anything to see.

KPI, units drawn, windows, scale, confidence, estimator and looks stand in the design, whose every
version is stored with its digest and the time it was recorded. What counts is the last version
before the first day with the AI; a design that was changed afterwards may have been changed to fit.

Source: Nosek, Ebersole, DeHaven & Mellor (2018), "The Preregistration Revolution", PNAS 115(11).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from aivalue.effects.checks.check import CheckResult, not_applicable

NAME = "pre_registration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A version of the design as it was recorded.

    Attributes
    ----------
    fields : what binds, by name, as text
    """

    version: int
    sha256: str
    recorded_at: datetime
    fields: Mapping[str, str]


def pre_registration(
    registered: Registration | None, current: Mapping[str, str], *, first_day: date
) -> CheckResult:
    """Compare the design that was recorded before the first day with the AI to the one read now."""
    if registered is None:
        return not_applicable(NAME, f"no design was recorded before {first_day}")
    about = (
        f"version {registered.version} of the design, {registered.sha256[:12]}, recorded "
        f"{registered.recorded_at.isoformat(timespec='seconds')}, before {first_day}"
    )
    names = sorted(set(registered.fields) | set(current))
    changed = [name for name in names if registered.fields.get(name) != current.get(name)]
    return CheckResult(
        name=NAME,
        status="failed" if changed else "passed",
        p_value=None,
        detail=about + (f"; changed since: {', '.join(changed)}" if changed else "; as read now"),
        power=f"compares {len(names)} fields, for certain",
    )
