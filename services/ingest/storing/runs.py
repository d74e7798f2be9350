"""Measurements of a batch, those of one series and day side by side; pure.

A row an event would cost as much as all the rest of storing it. Nobody asks for one measurement:
what is read are days, and those as statistics unless something on them was taken back.
"""

from collections.abc import Set as AbstractSet

from services.ingest.batch import Batch
from services.ingest.queries.storing import Run
from services.ingest.storing.identities import Ids
from services.ingest.storing.wire import EPOCH_DAY


def runs_of(batch: Batch, ids: Ids, *, without: AbstractSet[int]) -> list[Run]:
    """Gather what the events measure, but some, in the order of the log."""
    runs: list[Run] = []
    seq = 0
    for stretch in batch.stretches:
        origin = stretch.origin
        # By series and day: what is a number, and what has parts.
        numbers: dict[tuple[int, int], Run] = {}
        parts: dict[tuple[int, int], Run] = {}
        events = stretch.events
        for record, ordinal, measured in zip(
            stretch.kept, events.days, events.measured, strict=True
        ):
            series_id = ids.series[seq]
            if measured is not None and series_id is not None and seq not in without:
                day = ordinal - EPOCH_DAY
                place = (series_id, day)
                found = numbers if isinstance(measured, str) else parts
                run = found.get(place)
                if run is None:
                    run = found[place] = Run(
                        series_id=series_id,
                        day=day,
                        log_id=origin.log_id,
                        partition=origin.partition,
                    )
                run.offsets.append(str(record.offset))
                if isinstance(measured, str):
                    run.numbers.append(measured)
                else:
                    run.numerators.append(measured[0])
                    run.denominators.append(measured[1])
            seq += 1
        runs += numbers.values()
        runs += parts.values()
    return runs
