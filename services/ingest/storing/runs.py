"""Measurements of a batch, those of one series and day side by side; pure.

A row an event would cost as much as all the rest of storing it. Nobody asks for one measurement:
what is read are days, and those as statistics unless something on them was taken back.
"""

from collections.abc import Set as AbstractSet

from services.ingest.batch import Batch
from services.ingest.queries.storing import Run
from services.ingest.storing import rows
from services.ingest.storing.identities import Ids


def runs_of(batch: Batch, ids: Ids, *, without: AbstractSet[int]) -> list[Run]:
    """Gather what the events measure, but some, in the order of the log."""
    runs: list[Run] = []
    first = 0
    for stretch in batch.stretches:
        events, end = stretch.events, first + len(stretch.kept)
        series = ids.series[first:end]
        runs += rows.runs(
            stretch.origin, stretch.kept, events.days, events.measured, series, without, first
        )
        first = end
    return runs
