"""Where an event's time goes in Python: the service's own functions, each by itself, no server."""

import gc
import time
from collections.abc import Callable
from typing import Final, TypeVar

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from aivalue.runtime.bare_records import bare
from aivalue.runtime.clock import utc_now
from bench.ingest.load import Events, Form
from services.ingest import metrics
from services.ingest.batch import Batch, LogRecord, Origin
from services.ingest.reading.decoding import decode_stretch
from services.ingest.storing import keys, wire
from services.ingest.storing.event_runs import event_runs_of
from services.ingest.storing.identities import Ids
from services.ingest.storing.ready import Ready
from services.ingest.storing.runs import runs_of

N_EVENTS: Final = 10_000
REPETITIONS: Final = 15
ORIGIN: Final = Origin(
    log_id=1, partition=0, epoch=1, next_offset=0, head_hash=bytes(32), topic="bench"
)
PACKED: Final = "bytes packed"
UNPACKED: Final = "bytes in the log"
T = TypeVar("T")


def steps(form: Form) -> dict[str, float]:
    """Time every step of a batch; return microseconds an event, the least of some repetitions."""
    found: dict[str, float] = {}

    def timed(name: str, work: Callable[[], T]) -> T:
        spent = []
        for _ in range(REPETITIONS):
            before = time.thread_time()
            work()
            spent.append(time.thread_time() - before)
        found[name] = min(spent) / N_EVENTS * 1e6
        return work()

    gc.collect()
    gc.freeze()
    gc.disable()
    fetched, now = _fetched(form), utc_now()
    records = timed("unpack what was fetched", lambda: _unpacked(fetched))
    stretch = timed("decode, check, fingerprint", lambda: decode_stretch(ORIGIN, records, now=now))
    batch = timed(
        "gather the batch", lambda: Batch(tenant="t", received_at=now, stretches=[stretch])
    )
    series = dict.fromkeys(each for each in batch.events.series if each is not None)
    known = {key: n for n, key in enumerate(series)}
    ids = Ids(
        sources=[1] * N_EVENTS,
        series=[None if key is None else known[key] for key in batch.events.series],
        by_source={},
    )
    timed("rows of keys", lambda: wire.key_rows(batch, ids, range(N_EVENTS)))
    timed("runs", lambda: runs_of(batch, ids, without=set()))
    ready = timed("all that is made ready", lambda: Ready.of(batch, ids))
    store, stored = keys.KeyStore(), keys.Stored()
    timed("tell repetitions", lambda: store.recognise(batch, ready, stored))
    timed("join", lambda: wire.stream((ready.keys_without(batch, stored.gone),)))
    runs = timed("pack the originals", lambda: event_runs_of(batch, without=stored.gone))
    found[PACKED] = sum(len(run.originals) for run in runs) / N_EVENTS
    found[UNPACKED] = len(fetched) / N_EVENTS
    timed("remember", lambda: store.remember(batch, ids, stored))
    timed("count", lambda: metrics.observe_stored(batch, stored, seconds=0.1))
    gc.enable()
    return found


def show() -> dict[str, object]:
    """Print the steps in both modes side by side."""
    forms: tuple[Form, ...] = ("structured", "binary")
    figures = {form: steps(form) for form in forms}
    print(f"{'us of processor time an event':32}" + "".join(f"{form:>12}" for form in forms))
    for name in figures[forms[0]]:
        print(f"{name:32}" + "".join(f"{figures[form][name]:12.2f}" for form in forms))
    print("rows and runs are part of what is made ready")
    return {str(form): figure for form, figure in figures.items()}


def _fetched(form: Form) -> bytes:
    """Return records as the broker sends them."""
    events = Events(form)
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1,
        base_sequence=-1, batch_size=2**30,
    )  # fmt: skip
    for offset in range(N_EVENTS):
        # Neither malformed nor repeated.
        key, value, headers = events.record(offset * 100 + 1)
        builder.append(offset, 1_764_150_000_000, key, value, headers)
    return bytes(builder.build())


def _unpacked(fetched: bytes) -> list[LogRecord]:
    """Read records as the client does."""
    partition = TopicPartition("bench", 0)
    read = fetcher.PartitionRecords(
        partition, fetcher.MemoryRecords(fetched), aborted_transactions=[], fetch_offset=0,
        key_deserializer=None, value_deserializer=bare, check_crcs=True, isolation_level=1,
    )  # fmt: skip
    return list(read)
