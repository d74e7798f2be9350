"""Whether bare records are written as records whose fields are objects would be."""

from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import example, given
from hypothesis import strategies as st

from aivalue.runtime.bare_records import IS_COMPILED, bare

Said = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]
"""A timestamp, a key, a value and headers."""
SIZES = (0, 31, 32, 255, 256, 65_535, 65_536)
NUMBERS = (0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**62, -1, -32, -33, -129)
BYTES = st.none() | st.binary(max_size=40) | st.sampled_from(SIZES).map(bytes)
HEADERS = st.lists(st.tuples(st.text(max_size=40), BYTES), max_size=18)


def _records(said: list[Said], first: int) -> list[Any]:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1,
        base_sequence=-1, batch_size=2**24,
    )  # fmt: skip
    for number, (timestamp, key, value, headers) in enumerate(said):
        builder.append(number, timestamp, key, value, headers)
    fetched = bytearray(builder.build())
    fetched[:8] = first.to_bytes(8, "big")
    return list(
        fetcher.PartitionRecords(
            TopicPartition("t", 0), fetcher.MemoryRecords(bytes(fetched)), aborted_transactions=[],
            fetch_offset=first, key_deserializer=None, value_deserializer=bare, check_crcs=False,
            isolation_level=1,
        )
    )  # fmt: skip


if IS_COMPILED:
    # What is compiled is all there is to test.
    from aivalue.events.bare_record import BareRecord, messagepack

    @given(
        said=st.lists(
            st.tuples(st.integers(-1, 2**62), BYTES, BYTES, HEADERS), min_size=1, max_size=20
        ),
        first=st.integers(0, 2**62),
    )
    @example(said=[(1, None, bytes(size), []) for size in SIZES], first=0)
    @example(said=[(number, b"", b"", []) for number in NUMBERS], first=0)
    @example(said=[(1, b"k", b"v", [("n" * size, b"")]) for size in SIZES], first=2**32)
    @example(said=[(1, b"k", b"v", [("n", b"")] * n) for n in (15, 16, 70_000)], first=2**40)
    def test_bare_records_are_written_as_messagepack_writes_their_fields(
        said: list[Said], first: int
    ) -> None:
        records = _records(said, first)

        assert all(type(record) is BareRecord for record in records)
        fields = [(each.offset, each.key, each.value, each.headers) for each in records]
        assert fields == [
            (first + number, key, value, tuple(headers))
            for number, (_, key, value, headers) in enumerate(said)
        ]
        expected = [
            (each.offset, each.timestamp, each.key, each.value, each.headers) for each in records
        ]
        written = messagepack(records)
        assert written is not None
        assert bytes(written) == msgspec.msgpack.encode(expected)

    def test_where_one_record_is_another_kind_none_is_written() -> None:
        assert messagepack([*_records([(1, None, None, [])], 0), object()]) is None

    def test_a_bare_record_cannot_be_changed() -> None:
        (record,) = _records([(1, b"k", b"v", [])], 0)

        with pytest.raises(AttributeError, match=r"not writable|readonly|read-only"):
            record.offset = 2
