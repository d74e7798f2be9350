from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from aivalue.events.columns import Measured
from services.ingest.batch import LogRecord, Origin
from services.ingest.queries.storing import Run

def key_rows(
    start: bytes,
    records: Sequence[LogRecord],
    names: Sequence[str],
    fingerprints: Sequence[bytes],
    days: Sequence[int],
    sources: Sequence[int],
    series: Sequence[int | None],
    ending: Callable[[int], bytes],
) -> list[bytes]: ...
def runs(
    origin: Origin,
    records: Sequence[LogRecord],
    days: Sequence[int],
    measured: Sequence[Measured],
    series: Sequence[int | None],
    without: AbstractSet[int],
    first: int,
) -> list[Run]: ...
