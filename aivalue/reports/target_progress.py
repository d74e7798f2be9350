"""How much of what was promised has been reached, on the months that the promise is about."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from aivalue.kpis.definition import Target
from aivalue.money.month import month_of, month_plus
from aivalue.reports.evidence import Evidence
from aivalue.reports.value_report import Exact, Report

MONTHS_JUDGED = 3
_POINTS, _SHARE = 100.0, "share"
# Three months before it the calendar has a month to begin with.
_FIRST_END = date(2, 1, 1)
TargetStatus = Literal["met", "open", "missed", "unknown"]


class TargetProgress(Report):
    """A target and what was reached of it; improvements, so better is positive.

    Attributes
    ----------
    attained, low, high :
        In the target's own kind (share, KPI unit or percentage points); null without an effect.
    progress :
        attained / amount; above 1 is more than promised, below 0 is a worsening.
    status :
        `met` by the point estimate; `missed` only once the due date has passed.
    met_at_low :
        Whether even the low end of the interval meets the target.
    """

    target: str
    kind: Literal["relative", "absolute", "percentage_points"]
    amount: Exact
    due: date
    attained: float | None
    low: float | None
    high: float | None
    progress: float | None
    status: TargetStatus
    met_at_low: bool


def months_judged(target: Target, *, as_of: date) -> tuple[date, date]:
    """Return the window a target is judged on: the last full months before it is due, or now."""
    end = max(month_of(min(target.due, as_of)), _FIRST_END)
    return month_plus(end, -MONTHS_JUDGED), end


def target_progress(
    target: Target,
    *,
    evidence: Evidence | None,
    judged: Mapping[str, Evidence],
    as_of: date,
) -> TargetProgress:
    """Compare a target with the effect.

    Parameters
    ----------
    evidence :
        Effect over all measured months, used where `judged` has none for the target.
    judged :
        By target: the effect over its `months_judged`.
    """
    best = judged.get(target.key, evidence)
    reached = best.improvement(relative=target.kind == "relative") if best else None
    amount = float(target.amount)
    if best is None or reached is None:
        return _of(target, reached=(None, None, None), progress=None, status="unknown")
    # A KPI in "%" counts points already.
    in_points = target.kind == "percentage_points" and best.unit == _SHARE
    factor = _POINTS if in_points else 1.0
    point, low, high = (factor * end for end in reached)
    status: TargetStatus = "open" if as_of < target.due else "missed"
    if point >= amount:
        status = "met"
    return _of(target, reached=(point, low, high), progress=point / amount, status=status)


def _of(
    target: Target,
    *,
    reached: tuple[float | None, float | None, float | None],
    progress: float | None,
    status: TargetStatus,
) -> TargetProgress:
    attained, low, high = reached
    return TargetProgress(
        target=target.key,
        kind=target.kind,
        amount=target.amount,
        due=target.due,
        attained=attained,
        low=low,
        high=high,
        progress=progress,
        status=status,
        met_at_low=low is not None and low >= float(target.amount),
    )
