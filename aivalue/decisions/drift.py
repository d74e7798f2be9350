"""When a model was known to drift: from detection until a new version went live.

Free of numpy. A month is shown with its drifted share, so that an effect that fades can
be set beside the days on which the model was known to be off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSpan:
    """Half-open window of days with known drift, [start, end); `end` is None while it lasts."""

    start: date
    end: date | None


def drift_spans(detected: Sequence[date], went_live: Sequence[date]) -> tuple[DriftSpan, ...]:
    """Join detections into spans that end when a version goes live.

    A version that goes live on the day of a detection is taken to be the one that drifts.
    """
    spans: list[DriftSpan] = []
    for day in sorted(set(detected)):
        if spans and (spans[-1].end is None or day < spans[-1].end):
            continue
        end = min((live for live in went_live if live > day), default=None)
        spans.append(DriftSpan(start=day, end=end))
    return tuple(spans)


def share_drifted(spans: Sequence[DriftSpan], start: date, end: date) -> float:
    """Return which share of the days in [start, end) lies in a span."""
    if not start < end:
        raise ValueError(f"window must start before it ends, got {start} to {end}")
    days = 0
    for span in spans:
        until = end if span.end is None else min(span.end, end)
        days += max((until - max(span.start, start)).days, 0)
    return days / (end - start).days
