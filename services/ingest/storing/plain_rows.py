"""Rows of keys, and runs, of a stretch: what `packing` makes, in Python."""

import bisect
import functools
import struct
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from aivalue.events.columns import Columns, Measured
from services.ingest.batch import LogRecord, Origin
from services.ingest.queries.storing import EPOCH_DAY, Run
from services.ingest.storing.identities import Ids

Pack = Callable[..., bytes]
# With its length; and null.
_BIGINT_AND_NULL = 12 + 4


def key_rows(
    starts: Sequence[bytes],
    ends: Sequence[int],
    records: Sequence[LogRecord],
    events: Columns,
    ids: Ids,
    seqs: Sequence[int],
    ending: Callable[[int], bytes],
) -> bytes:
    """Write the rows of some events, one behind the other.

    Parameters
    ----------
    starts, ends :
        Of each stretch, what its rows begin with, and how many events there are up to its end.
    ids :
        Of the events' sources and series.
    seqs :
        Which events, in the order in which they are written.
    ending :
        Asked, by `seq`, for the rest of a row without a series.
    """
    rows: list[bytes] = []
    for seq in seqs:
        start, name = starts[bisect.bisect_right(ends, seq)], events.ids[seq].encode()
        series_id = ids.series[seq]
        row = _packer(len(start), len(name))(
            start, 8, records[seq].offset, 8, ids.sources[seq], len(name), name,
            32, events.fingerprints[seq], 4, events.days[seq] - EPOCH_DAY, 8, series_id or 0, -1,
        )  # fmt: skip
        if series_id is None:
            # Rare, and so cut out again.
            row = row[:-_BIGINT_AND_NULL] + ending(seq)
        rows.append(row)
    return b"".join(rows)


def runs(
    origin: Origin,
    records: Sequence[LogRecord],
    days: Sequence[int],
    measured: Sequence[Measured],
    series: Sequence[int | None],
    without: AbstractSet[int],
    first: int,
) -> list[Run]:
    """Gather what a stretch measures whose first event is number `first` of the batch."""
    # By series and day: what is a number, and what has parts.
    numbers: dict[tuple[int, int], Run] = {}
    parts: dict[tuple[int, int], Run] = {}
    for seq, (record, ordinal, said, series_id) in enumerate(
        zip(records, days, measured, series, strict=True), first
    ):
        if said is None or series_id is None or seq in without:
            continue
        place = (series_id, ordinal)
        found = numbers if isinstance(said, str) else parts
        run = found.get(place)
        if run is None:
            run = found[place] = Run(
                series_id=series_id,
                day=ordinal - EPOCH_DAY,
                log_id=origin.log_id,
                partition=origin.partition,
            )
        run.offsets.append(str(record.offset))
        if isinstance(said, str):
            run.numbers.append(said)
        else:
            run.numerators.append(said[0])
            run.denominators.append(said[1])
    return [*numbers.values(), *parts.values()]


@functools.cache
def _packer(start: int, name: int) -> Pack:
    """Return what packs a row of `event_keys`, given the sizes of its start and of the id."""
    return struct.Struct(f">{start}siqiqi{name}si32siiiqi").pack
