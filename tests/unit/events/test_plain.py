"""Whether the short way to an event is only shorter: the same event, or left to the exact way."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aivalue.errors import InvalidEvent
from aivalue.events.decode import decode_binary, decode_structured
from aivalue.events.event import Event
from aivalue.events.plain import read_binary, read_structured

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
TYPE = "aivalue.measurement.recorded.v1"
TIMES = [
    "2026-04-30T10:00:00Z", "2026-04-30T10:00:00.123456789+02:00", "2026-04-30T10:00:00,5Z",
    "2026-04-30 10:00:00Z", "2026-04-30t10:00:00z", "2026-W18-4T10:00:00Z", "2026-04-30T10:00:60Z",
    "2026-04-30T10:00:00", "2026-04-30T10:00:00+0200", "2026-04-30T10:00:00+02:00:10",
    "2026-05-01T12:03:00Z", "2026-05-01T13:00:00Z", "2026-02-30T10:00:00Z", "", "today",
    "2026-04-30T10:00:00.Z", "2026-04-30T10:00:00+25:00", "2026-04-30T24:00:00Z",
]  # fmt: skip
TEXTS = ["", "a", "a,b", "a\x7f", "a\\u0001", "Münster", "x" * 201, '\\"', "a:b", " "]
NUMBERS = ['"1.50"', "1.5", "1e400", '"NaN"', "null", '"1,5"', "-0", '"1e31"', "[1,2]", "true"]
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


@settings(max_examples=400)
@given(document=documents(), space=st.sampled_from(["", " ", "\n"]), backwards=st.booleans())
def test_what_is_read_the_short_way_is_what_the_exact_way_reads(
    *, document: tuple[list[str], list[str]], space: str, backwards: bool
) -> None:
    attributes, data = document
    members = [*attributes, '"data":{' + ("," + space).join(data) + "}"]
    if backwards:
        members.reverse()
    value = ("{" + ("," + space).join(members) + "}").encode()

    event = read_structured(value, now=NOW)

    assert event is None or event == exactly(value)


@given(st.binary(max_size=300))
@example(b"")
@example(b"{}")
@example(b"[" * 300)
def test_noise_is_left_to_the_exact_way(noise: bytes) -> None:
    assert read_structured(noise, now=NOW) is None
    assert read_binary(noise, [], now=NOW) is None


@given(
    mostly("i", TEXTS),
    mostly("2026-04-30T10:00:00+02:00", TIMES),
    mostly("1.5", NUMBERS),
    more(["ce_id", "ce_subject", "other", "Content-Type", "ce_time"]),
    mostly("1.0", ["0.3", ""]),
)
def test_binary_mode_is_read_as_exactly(
    name: str, time: str, number: str, others: list[str], version: str
) -> None:
    value = f'{{"kpi":"k","unit":"u","value":{number}}}'.encode()
    headers = [
        ("ce_specversion", version.encode()), ("ce_id", name.encode()), ("ce_source", b"urn:s"),
        ("ce_type", TYPE.encode()), ("ce_time", time.encode()),
        ("content-type", b"application/json"), *((each, b"x") for each in others),
    ]  # fmt: skip

    event = read_binary(value, headers, now=NOW)

    if event is not None:
        assert not others
        attributes = {key.removeprefix("ce_"): text.decode() for key, text in headers[:5]}
        attributes["datacontenttype"] = "application/json"
        assert event == decode_binary(attributes, value, now=NOW)


@pytest.mark.parametrize("separators", [None, (",", ":")])
def test_ordinary_events_go_the_short_way(separators: tuple[str, str] | None) -> None:
    event = {
        "specversion": "1.0", "id": "1", "source": "urn:s", "type": TYPE, "subject": "line 1",
        "time": "2026-04-30T10:00:00+02:00", "datacontenttype": "application/json",
        "data": {"kpi": "k", "unit": "line 1", "value": "1.5"},
    }  # fmt: skip
    value = json.dumps(event, separators=separators).encode()

    read = read_structured(value, now=NOW)

    assert read is not None
    assert read == decode_structured(value, now=NOW)
