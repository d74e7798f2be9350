"""How late events are: every event in the histogram, at the price of one look at most batches.

The client observes one value at a time, which for five thousand events costs more than decoding
some. Where the oldest and the newest event of a batch fall into one bucket, all do.
"""

import bisect
import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from prometheus_client import Histogram

from aivalue.events.instant import microseconds_since_1970

LATE_SECONDS: Final = 86_400
BUCKETS: Final = (1, 10, 60, 600, 3_600, LATE_SECONDS, 604_800, 2_592_000, 31_536_000)


def observe_ages(histogram: Histogram, times: Sequence[int], received_at: datetime) -> int:
    """Count the events by age; return how many are late, received more than a day after their time.

    The sum is exact where a batch spans buckets, and otherwise as if its events lay evenly between
    the oldest and the newest.

    Parameters
    ----------
    times :
        Microseconds since 1970.
    """
    now = microseconds_since_1970(received_at)
    newest, oldest = _seconds(now - max(times)), _seconds(now - min(times))
    first, last = _bucket(newest), _bucket(oldest)
    if first == last:
        counts = {first: len(times)}
        total = len(times) * (newest + oldest) / 2
    else:
        ages = sorted(_seconds(now - time) for time in times)
        ends = [bisect.bisect_right(ages, bound) for bound in BUCKETS] + [len(ages)]
        counts = {place: end - (ends[place - 1] if place else 0) for place, end in enumerate(ends)}
        total = sum(ages)
    for place, n in counts.items():
        histogram._buckets[place].inc(n)  # noqa: SLF001 - the client has no public way
    histogram._sum.inc(total)  # noqa: SLF001
    return sum(n for place, n in counts.items() if place > BUCKETS.index(LATE_SECONDS))


def is_late(time: int, received_at: datetime) -> bool:
    """Whether an event came more than a day after what it tells of, in microseconds since 1970."""
    return time < _punctual_since(received_at)


def late_spans(offsets: Sequence[int], times: Sequence[int], received_at: datetime) -> str | None:
    """Return where late events stand among others as PostgreSQL writes ranges, None if nowhere.

    Parameters
    ----------
    times :
        Microseconds since 1970.
    """
    punctual = _punctual_since(received_at)
    if min(times) >= punctual:
        return None
    if max(times) < punctual:
        # As of any import.
        return f"{{[{offsets[0]},{offsets[-1] + 1})}}"
    pairs = zip(offsets, times, strict=True)
    groups = itertools.groupby(pairs, key=lambda pair: pair[1] < punctual)
    spans = [[offset for offset, _ in group] for is_late, group in groups if is_late]
    return "{" + ",".join(f"[{span[0]},{span[-1] + 1})" for span in spans) + "}"


def _punctual_since(received_at: datetime) -> int:
    return microseconds_since_1970(received_at) - LATE_SECONDS * 1_000_000


def _seconds(microseconds: int) -> float:
    # A clock may be a little ahead of ours.
    return max(microseconds, 0) / 1_000_000


def _bucket(age: float) -> int:
    return bisect.bisect_left(BUCKETS, age)
