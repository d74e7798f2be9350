"""Raw events, those of a stretch side by side in one compressed row; pure.

A row an event would cost as much as its key does, and take ten times the room. Whoever looks for
one event finds its place in `event_keys`.
"""

import itertools
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

from services.ingest.batch import Batch, LogRecord, Origin
from services.ingest.lateness import late_spans
from services.ingest.originals import pack
from services.ingest.queries.storing import EventRun

# Enough to share what they have in common; few enough to read them all for the sake of one.
EVENTS_MAX: Final = 512


def event_runs_of(batch: Batch, *, without: AbstractSet[int]) -> list[EventRun]:
    """Pack the records of events, but some, in the order of the log."""
    runs: list[EventRun] = []
    start = 0
    for stretch in batch.stretches:
        records, times = stretch.kept, stretch.events.microseconds
        if without:
            is_kept = [seq not in without for seq in range(start, start + len(records))]
            start += len(records)
            records = list(itertools.compress(records, is_kept))
            times = list(itertools.compress(times, is_kept))
        runs += _runs(stretch.origin, records, times, batch.received_at)
    return runs


def _runs(
    origin: Origin, records: Sequence[LogRecord], times: Sequence[int], received_at: datetime
) -> Iterator[EventRun]:
    for start in range(0, len(records), EVENTS_MAX):
        own = slice(start, start + EVENTS_MAX)
        together = records[own]
        offsets = [record.offset for record in together]
        yield EventRun(
            log_id=origin.log_id,
            partition=origin.partition,
            first_offset=offsets[0],
            last_offset=offsets[-1],
            n_events=len(offsets),
            late=late_spans(offsets, times[own], received_at),
            originals=pack(together),
        )
