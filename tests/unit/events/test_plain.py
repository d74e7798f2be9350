"""Whether the short way to events is only shorter: the same events, or left to the exact way."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aivalue.errors import InvalidEvent
from aivalue.events.columns import Columns
from aivalue.events.decode import decode_binary, decode_structured
from aivalue.events.event import Event
from aivalue.events.kafka_binding import SCANNER, STRUCTURED_JSON, Said
from aivalue.events.plain import read_binary, read_structured
from aivalue.runtime.bare_records import bare

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
# Before it, an offset may reach beyond Python's years.
EARLIEST = datetime(2, 1, 2, tzinfo=UTC)
TYPE = "aivalue.measurement.recorded.v1"
PLAIN = (
    b'{"specversion":"1.0","id":"plain","source":"urn:s","type":"aivalue.measurement.recorded.v1",'
    b'"time":"2026-04-30T10:00:00Z","data":{"kpi":"k","unit":"u","value":"1.5"}}'
)
TIMES = [
    "2026-04-30T10:00:00Z", "2026-04-30T10:00:00.123456789+02:00", "2026-04-30T10:00:00,5Z",
    "2026-04-30 10:00:00Z", "2026-04-30t10:00:00z", "2026-W18-4T10:00:00Z", "2026-04-30T10:00:60Z",
    "2026-04-30T10:00:00", "2026-04-30T10:00:00+0200", "2026-04-30T10:00:00+02:00:10",
    "2026-05-01T12:03:00Z", "2026-05-01T13:00:00Z", "2026-02-30T10:00:00Z", "", "today",
    "2026-04-30T10:00:00.Z", "2026-04-30T10:00:00+25:00", "2026-04-30T24:00:00Z",
    "2026-04-30T10:00:00+01:60",
]  # fmt: skip
TEXTS = ["", "a", "a,b", "a\x7f", "a\\u0001", "Münster", "x" * 201, '\\"', "a:b", " "]
NUMBERS = [
    '"1.50"', "1.5", "1e400", '"NaN"', "null", '"1,5"', "-0", '"1e31"', "[1,2]", "true",
    "1e9999999999999999999",
]  # fmt: skip
DATA_MORE = [
    '"unit":"v"', '"value":2', '"kpi":"l"', '"segment":""', '"segment":"s,t"', '"arm":"control"',
    '"numerator":1,"denominator":2', '"business_date":"2026-04-29"', '"value" : 3', '"other":1',
    '"business_date":"2026-05-09"', '"unit" :"w"',
    '"window":{"start":"2026-04-01T00:00:00+0000","end":"2026-04-02T00:00:00Z"}',
]  # fmt: skip
ATTRIBUTES_MORE = [
    '"id":"f"', '"source":"urn:t"', '"id" :"g"', '"data":{}', '"specversion":"0.3"',
    '"datacontenttype":"application/json"', '"datacontenttype":"text/json"', '"subject":"s,1"',
    '"subject":""', '"subject":null', '"partitionkey":"p"', '"traceparent":"t"',
    '"supersedes":"d"', '"sequence":"1"', '"myextension":1', '"data_base64":"e30="',
    '"recordedtime":"2026-04-30T10:00:00Z"',
]  # fmt: skip


Headers = list[tuple[str, bytes | None]]
Structured = Callable[[Sequence[bytes]], Columns | None]
Binary = Callable[[Sequence[bytes], Sequence[Headers]], Columns | None]


class Whole(NamedTuple):
    """A record whose fields are objects."""

    value: bytes | None
    headers: Headers


def whole_records(values: Sequence[bytes], headers: Sequence[Headers]) -> Sequence[Said]:
    return list(map(Whole, values, headers))


def bare_records(values: Sequence[bytes], headers: Sequence[Headers]) -> Sequence[Said]:
    """Return records whose bytes stand in what Kafka sends, one behind the other."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1,
        base_sequence=-1, batch_size=2**20,
    )  # fmt: skip
    for offset, (value, said) in enumerate(zip(values, headers, strict=True)):
        builder.append(offset, 0, None, value, said)
    fetched = fetcher.MemoryRecords(bytes(builder.build()))
    return list(
        fetcher.PartitionRecords(
            TopicPartition("t", 0), fetched, aborted_transactions=[], fetch_offset=0,
            key_deserializer=None, value_deserializer=bare, check_crcs=True, isolation_level=1,
        )
    )  # fmt: skip


# By name, the short ways that there are: the compiled one only where there was a compiler.
STRUCTURED: dict[str, Structured] = {"plain": partial(read_structured, now=NOW)}
BINARY: dict[str, Binary] = {"plain": partial(read_binary, now=NOW)}
if SCANNER is not None:
    scanner = SCANNER

    def scanned(
        values: Sequence[bytes],
        headers: Sequence[Headers],
        *,
        records_of: Callable[[Sequence[bytes], Sequence[Headers]], Sequence[Said]],
    ) -> Columns | None:
        found = scanner.leading(records_of(values, headers), 0, len(values), NOW)
        return found if len(found) == len(values) else None

    def scanned_structured(
        values: Sequence[bytes],
        *,
        records_of: Callable[[Sequence[bytes], Sequence[Headers]], Sequence[Said]],
    ) -> Columns | None:
        headers: Headers = [("content-type", STRUCTURED_JSON)]
        return scanned(values, [headers] * len(values), records_of=records_of)

    for name, records_of in (("scanned", whole_records), ("bare", bare_records)):
        STRUCTURED[name] = partial(scanned_structured, records_of=records_of)
        BINARY[name] = partial(scanned, records_of=records_of)

structured = pytest.mark.parametrize("way", STRUCTURED.values(), ids=STRUCTURED)
binary = pytest.mark.parametrize("way", BINARY.values(), ids=BINARY)


def mostly(right: str, others: Sequence[str]) -> st.SearchStrategy[str]:
    """Draw the right one so often that what is wrong is usually wrong alone."""
    return st.sampled_from([right] * 6 * len(others) + list(others))


def more(members: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.sampled_from([[], *([each] for each in members)])


@st.composite
def documents(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Members of an envelope and of its data: some wrong, some twice."""
    data = [
        f'"kpi":"{draw(mostly("k", TEXTS))}"',
        '"unit":"u"',
        f'"value":{draw(mostly("1.5", NUMBERS))}',
        *draw(more(DATA_MORE)),
    ]
    attributes = [
        '"specversion":"1.0"',
        f'"id":"{draw(mostly("e", TEXTS))}"',
        '"source":"urn:s"',
        f'"type":"{TYPE}"',
        f'"time":"{draw(mostly("2026-04-30T10:00:00+02:00", TIMES))}"',
        *draw(more(ATTRIBUTES_MORE)),
    ]
    return attributes, data


def exactly(value: bytes) -> Event | None:
    try:
        return decode_structured(value, now=NOW)
    except InvalidEvent:
        return None


@structured
@settings(max_examples=400)
@given(document=documents(), space=st.sampled_from(["", " ", "\n"]), backwards=st.booleans())
def test_what_is_read_the_short_way_is_what_the_exact_way_reads(
    *, document: tuple[list[str], list[str]], space: str, backwards: bool, way: Structured
) -> None:
    attributes, data = document
    members = [*attributes, '"data":{' + ("," + space).join(data) + "}"]
    if backwards:
        members.reverse()
    value = ("{" + ("," + space).join(members) + "}").encode()

    read = way([value])

    assert read is None or list(read) == [exactly(value)]
    check_among_others(value, read, way)


def check_among_others(value: bytes, alone: Columns | None, way: Structured) -> None:
    """Hold what is read of a record between others to what is read of it alone."""
    together = way([PLAIN, value, PLAIN])
    if alone is None:
        assert together is None
    elif together is not None:
        assert list(together)[1] == alone.event(0)


@given(st.binary(max_size=300))
@example(b"")
@example(b"{}")
@example(b"[" * 300)
def test_noise_is_left_to_the_exact_way(noise: bytes) -> None:
    for read in STRUCTURED.values():
        assert read([noise]) is None
        assert read([PLAIN, noise]) is None
    for read_apart in BINARY.values():
        assert read_apart([noise], [[]]) is None


@structured
@given(st.integers(1, len(PLAIN) - 1), st.sampled_from([b"", b" ", b"\n", b","]))
def test_an_event_cut_in_two_is_no_event(way: Structured, at: int, more: bytes) -> None:
    start, end = PLAIN[:at], PLAIN[at:]

    assert way([PLAIN + more + start, end]) is None
    assert way([start, end + more + PLAIN]) is None


@structured
@pytest.mark.parametrize("head", [b'{"a":1}{"specversion":"1.0","id":"x}', PLAIN + PLAIN[:60]])
def test_what_begins_in_one_record_does_not_end_in_the_next(way: Structured, head: bytes) -> None:
    assert way([head, b'{y"}']) is None
    assert way([head + b"}", b"{" + PLAIN[60:]]) is None


@binary
@given(
    mostly("i", TEXTS),
    mostly("2026-04-30T10:00:00+02:00", TIMES),
    mostly("1.5", NUMBERS),
    more(["ce_id", "ce_subject", "other", "Content-Type", "ce_time"]),
    mostly("1.0", ["0.3", ""]),
)
def test_binary_mode_is_read_as_exactly(
    way: Binary, name: str, time: str, number: str, others: list[str], version: str
) -> None:
    value = f'{{"kpi":"k","unit":"u","value":{number}}}'.encode()
    headers: list[tuple[str, bytes | None]] = [
        ("ce_specversion", version.encode()), ("ce_id", name.encode()), ("ce_source", b"urn:s"),
        ("ce_type", TYPE.encode()), ("ce_time", time.encode()),
        ("content-type", b"application/json"), *((each, b"x") for each in others),
    ]  # fmt: skip

    read = way([value], [headers])

    if read is not None:
        event = read.event(0)
        assert not others
        attributes = {key.removeprefix("ce_"): (text or b"").decode() for key, text in headers[:5]}
        attributes["datacontenttype"] = "application/json"
        assert event == decode_binary(attributes, value, now=NOW)


@structured
@pytest.mark.parametrize("separators", [None, (",", ":")])
def test_ordinary_events_go_the_short_way(
    way: Structured, separators: tuple[str, str] | None
) -> None:
    event = {
        "specversion": "1.0", "id": "1", "source": "urn:s", "type": TYPE, "subject": "line 1",
        "time": "2026-04-30T10:00:00+02:00", "datacontenttype": "application/json",
        "data": {"kpi": "k", "unit": "line 1", "value": "1.5"},
    }  # fmt: skip
    value = json.dumps(event, separators=separators).encode()

    read = way([value, value])

    assert read is not None
    assert list(read) == 2 * [decode_structured(value, now=NOW)]


@structured
@pytest.mark.parametrize("said", [{"value": 1.5}, {"numerator": "3", "denominator": "20.0"}])
def test_numbers_and_ratios_go_the_short_way(way: Structured, said: dict[str, object]) -> None:
    data = {"kpi": "k", "unit": "u", "segment": "s", "arm": "control", **said}
    value = PLAIN[: PLAIN.index(b'"data"')] + b'"data":' + json.dumps(data).encode() + b"}"

    read = way([value] * 3)

    assert read is not None
    assert list(read) == [decode_structured(value, now=NOW)] * 3


@structured
@pytest.mark.parametrize(
    "number", ["0", "-0", "-0.00", "0.000001", "0.0000001", "007", "1E2", ".5"]
)
def test_a_number_keeps_its_text(way: Structured, number: str) -> None:
    value = PLAIN.replace(b'"1.5"', f'"{number}"'.encode())

    read = way([value])

    if read is not None:
        assert read.measured == [str(Decimal(number))]
        assert list(read) == [decode_structured(value, now=NOW)]


@structured
@given(
    st.timedeltas(timedelta(), NOW - EARLIEST - timedelta(days=1)),
    st.integers(0, 7),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
@example(datetime(2024, 2, 29, tzinfo=UTC) - EARLIEST, 0, 0)
@example(datetime(1900, 2, 28, 23, 59, 59, tzinfo=UTC) - EARLIEST, 6, -1)
def test_a_time_is_read_as_exactly(
    way: Structured, since: timedelta, n_digits: int, offset: int
) -> None:
    local = (EARLIEST + since).astimezone(timezone(timedelta(minutes=offset)))
    fraction = f".{local.microsecond:06}9"[: n_digits + 1] if n_digits else ""
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    zone = f"{sign}{minutes // 60:02}:{minutes % 60:02}" if offset else "Z"
    time = local.strftime(f"{local.year:04}-%m-%dT%H:%M:%S") + fraction + zone
    value = PLAIN.replace(b"2026-04-30T10:00:00Z", time.encode())

    read = way([value])

    assert read is None or list(read) == [decode_structured(value, now=NOW)]
    # Only more digits than are kept are nobody's plain way of writing a time.
    assert read is not None or n_digits > 6


@structured
@pytest.mark.parametrize(
    "time", ["2023-02-29T10:00:00Z", "2100-02-29T10:00:00Z", "2026-04-31T10:00:00Z",
             "2026-00-10T10:00:00Z", "2026-13-10T10:00:00Z", "2026-04-00T10:00:00Z",
             "2026-04-30T24:00:00Z", "2026-04-30T10:60:00Z", "2026-04-30T10:00:60Z",
             "2026-04-30T10:00:00+24:00", "2026-04-30T10:00:00-01:60", "2026-04-30T10:00:00.",
             "2026-04-30T10:00:00+", "2026-04-30T10:00:00.123456", "2026-05-01T12:00:00.000001Z"],
)  # fmt: skip
def test_a_time_that_is_none_or_is_to_come_is_left_to_the_exact_way(
    way: Structured, time: str
) -> None:
    assert way([PLAIN.replace(b"2026-04-30T10:00:00Z", time.encode())]) is None
