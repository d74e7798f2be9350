"""Records without the wrapper that aiokafka puts around each, and read all at once.

A wrapper of eleven fields a record took half the time of reading; who asks for partitions knows
topic and partition, and the other fields are those of the record inside. Of what was left, half is
saved by compiled code that reads whole batches (`record_reading`). Fetching, checksums,
transactions, and whatever is wrong with a batch, stay aiokafka's.

There is no public way in, hence stand-ins for two private classes; consumers that do not ask for
bare records are not concerned.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from aiokafka import codec
from aiokafka.consumer import fetcher
from aiokafka.record.memory_records import MemoryRecords

try:
    from aivalue.runtime.record_reading import read_records
except ImportError:
    # Not compiled, for want of a compiler: aiokafka's codec reads the same, more slowly.
    IS_COMPILED = False
else:
    IS_COMPILED = True

# Of a batch of message format 2: what its length does not count, and where what stands.
_UNCOUNTED: Final = 12
_LENGTH, _MAGIC, _COUNT = slice(8, 12), slice(16, 17), slice(57, 61)
_HEADER_BYTES: Final = 61
_FORMAT_2: Final = b"\2"
_DECOMPRESS: Final[dict[int, Callable[[bytes], bytes]]] = {
    0: bytes,
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}


def bare(value: bytes | None) -> bytes | None:
    """Ask for bare records: the `value_deserializer` of a consumer that wants them."""
    return value


class _Batches:
    """What was fetched of a partition, a batch at a time."""

    def __init__(self, fetched: bytes) -> None:
        self._batches: Any = MemoryRecords(fetched)
        self._fetched = fetched
        self._at = 0
        self.is_bare = False

    def size_in_bytes(self) -> int:
        return int(self._batches.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._batches.has_next())

    def next_batch(self) -> Any:  # noqa: ANN401 - aiokafka has several kinds
        batch = self._batches.next_batch()
        start = self._at
        header = self._fetched[start : start + _HEADER_BYTES]
        self._at = end = start + _UNCOUNTED + int.from_bytes(header[_LENGTH], "big")
        if not self.is_bare or header[_MAGIC] != _FORMAT_2 or batch.is_control_batch:
            return batch
        n_records = int.from_bytes(header[_COUNT], "big", signed=True)
        return _Batch(batch, self._fetched[start + _HEADER_BYTES : end], n_records)


class _Batch:
    """aiokafka's batch, its records read by compiled code where they are as they must be."""

    def __init__(self, batch: Any, content: bytes, n_records: int) -> None:  # noqa: ANN401
        self._batch = batch
        self._content = content
        self._n_records = n_records

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        records = self._read()
        return iter(self._batch if records is None else records)

    def _read(self) -> Iterable[Any] | None:
        batch = self._batch
        # Where the log says when, it says so once, as the last time of the batch.
        is_logs = bool(batch.timestamp_type)
        began = batch.max_timestamp if is_logs else batch.first_timestamp
        try:
            content = _DECOMPRESS[batch.compression_type](self._content)
        except Exception:  # noqa: BLE001 - the codec is about to say the same
            return None
        return read_records(content, self._n_records, batch.base_offset, began, is_logs)


# aiokafka gives it no type.
class _Records(fetcher.PartitionRecords):  # type: ignore[misc]
    def __init__(self, tp: Any, records: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(tp, records, *args, **kwargs)
        if isinstance(records, _Batches):
            records.is_bare = self._value_deserializer is bare

    def _consumer_record(self, tp: Any, record: Any) -> Any:  # noqa: ANN401
        if self._value_deserializer is bare:
            return record
        return super()._consumer_record(tp, record)


fetcher.PartitionRecords = _Records
if IS_COMPILED:
    fetcher.MemoryRecords = _Batches
