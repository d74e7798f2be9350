"""Whether bare records say what aiokafka's own say, and only who asks gets them."""

from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from aivalue.runtime.bare_records import bare

_FIELDS = ("offset", "timestamp", "key", "value", "headers")
_RECORDS: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]] = [
    (b"key", b"value", [("name", b"said"), ("name", None)]),
    (None, None, []),
    (b"", b"", [("é", b"\xff")]),
]


def _fetched() -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1,
        base_sequence=-1, batch_size=2**20,
    )  # fmt: skip
    for offset, (key, value, headers) in enumerate(_RECORDS):
        builder.append(offset, 1_000 + offset, key, value, headers)
    return bytes(builder.build())


def _fetched_of_old_brokers() -> bytes:
    builder = LegacyRecordBatchBuilder(magic=1, compression_type=0, batch_size=2**20)
    for offset, (key, value, _) in enumerate(_RECORDS):
        builder.append(offset, 1_000 + offset, key, value)
    return bytes(builder.build())


def _read(fetched: bytes, deserializer: Callable[[bytes | None], Any] | None) -> list[Any]:
    return list(
        fetcher.PartitionRecords(
            TopicPartition("t", 0), MemoryRecords(fetched), aborted_transactions=[],
            fetch_offset=1, key_deserializer=None, value_deserializer=deserializer,
            check_crcs=True, isolation_level=1,
        )
    )  # fmt: skip


@pytest.mark.parametrize("fetched", [_fetched(), _fetched_of_old_brokers()])
def test_a_bare_record_says_the_same(fetched: bytes) -> None:
    wrapped, found = _read(fetched, None), _read(fetched, bare)

    assert all(isinstance(each, ConsumerRecord) for each in wrapped)
    assert not any(isinstance(each, ConsumerRecord) for each in found)
    said = [[getattr(each, name) for name in _FIELDS[:-1]] for each in found]
    assert said == [[getattr(each, name) for name in _FIELDS[:-1]] for each in wrapped]
    assert [tuple(each.headers) for each in found] == [each.headers for each in wrapped]
    assert [each.offset for each in found] == [1, 2]


def test_another_deserializer_is_heeded() -> None:
    (first, second) = _read(_fetched(), lambda value: None if value is None else value.decode())

    assert (first.value, second.value, first.topic) == (None, "", "t")
