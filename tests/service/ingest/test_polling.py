"""Whether whatever the client raises over bytes it cannot read is known to be just that."""

import struct

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aivalue.runtime.bare_records import bare
from services.ingest.reading.polling import UNREADABLE

_LENGTH, _CHECKSUM, _CHECKED, _UNCOUNTED, _RECORDS_AT = slice(8, 12), slice(17, 21), 21, 12, 61
GARBAGE = b"\x13" * 300


def _batch(*, compression: int) -> bytearray:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=0, producer_id=-1,
        producer_epoch=-1, base_sequence=-1, batch_size=2**20,
    )  # fmt: skip
    for offset in range(3):
        builder.append(offset, 1_000, b"key", b"value" * 20, [("name", b"said")])
    return bytearray(builder.build())


def _error_of(batch: bytearray, *, checksum_is_right: bool) -> Exception | None:
    """Read a batch as ingest does; return what is raised over it."""
    batch[_LENGTH] = (len(batch) - _UNCOUNTED).to_bytes(4, "big")
    checksum: int = calc_crc32c(bytes(batch[_CHECKED:])) ^ (not checksum_is_right)
    batch[_CHECKSUM] = struct.pack(">I", checksum)
    read = fetcher.PartitionRecords(
        TopicPartition("t", 0), fetcher.MemoryRecords(bytes(batch)), aborted_transactions=[],
        fetch_offset=0, key_deserializer=None, value_deserializer=bare, check_crcs=True,
        isolation_level=1,
    )  # fmt: skip
    try:
        list(read)
    except Exception as error:  # noqa: BLE001 - which one it is, is the question
        return error
    return None


@settings(max_examples=500)
@given(
    compression=st.integers(0, 4),
    garbage=st.binary(min_size=1, max_size=300),
    at=st.floats(0, 1),
    n_kept=st.integers(0, 300),
)
@example(compression=1, garbage=GARBAGE, at=0, n_kept=0)
@example(compression=2, garbage=GARBAGE, at=0, n_kept=0)
@example(compression=3, garbage=GARBAGE, at=0, n_kept=0)
@example(compression=4, garbage=GARBAGE, at=0, n_kept=0)
@example(compression=2, garbage=b"\0", at=1, n_kept=0)
def test_what_a_producer_garbled_is_unreadable_or_read(
    compression: int, garbage: bytes, at: float, n_kept: int
) -> None:
    """A checksum over nonsense is right all the same; not every broker looks further."""
    batch = _batch(compression=compression)
    place = _RECORDS_AT + int(at * (len(batch) - _RECORDS_AT))
    batch[place : len(batch) - n_kept] = garbage

    error = _error_of(batch, checksum_is_right=True)

    assert error is None or isinstance(error, UNREADABLE), repr(error)


def test_what_was_garbled_later_is_unreadable() -> None:
    assert isinstance(_error_of(_batch(compression=0), checksum_is_right=False), UNREADABLE)
    assert _error_of(_batch(compression=0), checksum_is_right=True) is None
