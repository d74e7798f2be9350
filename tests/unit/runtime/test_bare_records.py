"""Whether bare records say what aiokafka's own say, and only who asks gets them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aivalue.runtime.bare_records import IS_COMPILED, bare

_FIELDS = ("offset", "timestamp", "key", "value", "headers")
Said = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
_ATTRIBUTES, _LOG_APPEND_TIME = 22, 8
_LENGTH, _UNCOUNTED, _RECORDS_AT = slice(8, 12), 12, 57
_RECORDS: list[Said] = [
    (b"key", b"value", [("name", b"said"), ("name", None)]),
    (None, None, []),
    (b"", b"", [("é", b"\xff")]),
]


def _fetched(
    records: Sequence[Said] = _RECORDS, *, compression: int = 0, time_is_the_logs: bool = False
) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=0, producer_id=-1,
        producer_epoch=-1, base_sequence=-1, batch_size=2**20,
    )  # fmt: skip
    for offset, (key, value, headers) in enumerate(records):
        builder.append(offset, 1_000 + offset // 2, key, value, headers)
    found = bytearray(builder.build())
    found[_ATTRIBUTES] |= _LOG_APPEND_TIME * time_is_the_logs
    return bytes(found)


def _fetched_of_old_brokers() -> bytes:
    builder = LegacyRecordBatchBuilder(magic=1, compression_type=0, batch_size=2**20)
    for offset, (key, value, _) in enumerate(_RECORDS):
        builder.append(offset, 1_000 + offset, key, value)
    return bytes(builder.build())


def _read(
    fetched: bytes,
    deserializer: Callable[[bytes | None], Any] | None,
    *,
    check_crcs: bool = True,
) -> list[Any]:
    return list(
        fetcher.PartitionRecords(
            TopicPartition("t", 0), fetcher.MemoryRecords(fetched), aborted_transactions=[],
            fetch_offset=1, key_deserializer=None, value_deserializer=deserializer,
            check_crcs=check_crcs, isolation_level=1,
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


def _outcome(fetched: bytes, deserializer: Callable[[bytes | None], Any] | None) -> object:
    """Return what is read, or by which error nothing is."""
    try:
        found = _read(fetched, deserializer, check_crcs=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same
        return type(error)
    return [
        (each.offset, each.timestamp, each.key, each.value, tuple(each.headers)) for each in found
    ]


# So few that neighbours often say the same.
_BYTES = st.none() | st.sampled_from([b"", b"a", b"ab", b"\xff" * 200])
_NAMES = st.sampled_from(["", "n", "ce_id", "Ümlaut"])
_SAID = st.tuples(_BYTES, _BYTES, st.lists(st.tuples(_NAMES, _BYTES), max_size=3))


@given(
    records=st.lists(_SAID, min_size=1, max_size=6),
    compression=st.integers(0, 4),
    time_is_the_logs=st.booleans(),
)
@example(records=[(b"k", b"v", [("n", b"%d" % n) for n in range(40)])] * 3, compression=0,
         time_is_the_logs=False)  # fmt: skip
def test_whole_batches_are_read_as_the_codec_reads_them(
    *, records: list[Said], compression: int, time_is_the_logs: bool
) -> None:
    fetched = _fetched(records, compression=compression, time_is_the_logs=time_is_the_logs)

    found = _outcome(fetched * 2, bare)

    assert isinstance(found, list)
    assert found == _outcome(fetched * 2, None)
    kinds = {type(each).__name__ for each in _read(fetched, bare, check_crcs=False)}
    assert kinds <= {"BareRecord" if IS_COMPILED else "DefaultRecord"}


@settings(max_examples=300)
@given(
    records=st.lists(_SAID, min_size=1, max_size=4),
    at=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
    n_lost=st.integers(0, 3),
)
def test_a_broken_batch_is_read_by_nobody_or_by_both(
    records: list[Said], at: float, byte: int, n_lost: int
) -> None:
    """Without the checksum, which would not let it come so far."""
    fetched = bytearray(_fetched(records))
    place = _RECORDS_AT + int(at * (len(fetched) - _RECORDS_AT))
    fetched[place] = byte
    del fetched[len(fetched) - n_lost :]
    fetched[_LENGTH] = (len(fetched) - _UNCOUNTED).to_bytes(4, "big")

    assert _outcome(bytes(fetched), bare) == _outcome(bytes(fetched), None)
