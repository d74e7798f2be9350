"""Rows of keys, and runs, of a stretch: what `packing` makes, in Python."""

import functools
import struct
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from aivalue.events.columns import Measured
from services.ingest.batch import LogRecord, Origin
from services.ingest.queries.storing import EPOCH_DAY, Run

Pack = Callable[..., bytes]
# With its length; and null.
_BIGINT_AND_NULL = 12 + 4


def key_rows(
    start: bytes,
    records: Sequence[LogRecord],
    names: Sequence[str],
    fingerprints: Sequence[bytes],
    days: Sequence[int],
    sources: Sequence[int],
    series: Sequence[int | None],
    ending: Callable[[int], bytes],
) -> list[bytes]:
    """Write the rows of a stretch; `ending` is asked for the rest of a row without a series."""
    rows: list[bytes] = []
    size, pack = -1, _packer(0, 0)
    for record, source_id, name, fingerprint, day, series_id in zip(
        records, sources, [name.encode() for name in names], fingerprints, days, series, strict=True
    ):
        if len(name) != size:
            size = len(name)
            pack = _packer(len(start), size)
        row = pack(
            start, 8, record.offset, 8, source_id, size, name, 32, fingerprint,
            4, day - EPOCH_DAY, 8, series_id or 0, -1,
        )  # fmt: skip
        if series_id is None:
            # Rare, and so cut out again.
            row = row[:-_BIGINT_AND_NULL] + ending(len(rows))
        rows.append(row)
    return rows


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
