"""Whether CloudEvents 1.0 as others write it is read as the specification says, case by case.

The official SDK is the producer of canonical messages, and no more: it invents ids and times where
they are missing, so what is refused is made from its messages by hand. Every case of the list has
its name here; reasons are those that a dead letter carries.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings import http, kafka
from cloudevents.core.v1.event import CloudEvent

from aivalue.errors import InvalidEvent
from aivalue.events.attributes import REQUIRED
from aivalue.events.decode import EVENT_BYTES_MAX
from aivalue.events.event import Event
from aivalue.events.http_binding import UnsupportedContent, decode_part, split_request
from aivalue.events.kafka_binding import decode_record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOLDEN = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parents[2] / "contract/events/in").glob("*.json"))
}
DATA = {"kpi": "downtime", "unit": "line-1", "value": "12.5"}
STRUCTURED = "application/cloudevents+json"


def _canonical(event: Mapping[str, Any] | None = None, **changed: object) -> CloudEvent:
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": "m-1",
        "source": "urn:plant:mes",
        "type": "aivalue.measurement.recorded.v1",
        "time": datetime(2026, 2, 28, 23, 30, tzinfo=UTC),
        "datacontenttype": "application/json",
        "data": DATA,
        **(event or {}),
        **changed,
    }
    if isinstance(attributes["time"], str):
        attributes["time"] = datetime.fromisoformat(attributes["time"])
    return CloudEvent(attributes, attributes.pop("data"))


def _record(headers: Mapping[str, bytes], value: bytes | None) -> Event:
    return decode_record(value, list(headers.items()), now=NOW)


def _binary(
    value: bytes | None = None, *, without: str = "", key: bytes | None = None, **headers: bytes
) -> Event:
    """Read the SDK's binary message with a few headers changed; the record's key is not read."""
    message = kafka.to_binary_event(_canonical(), key_mapper=lambda _: key)
    changed = {f"ce_{name}": text for name, text in headers.items() if name != "content_type"}
    if "content_type" in headers:
        changed["content-type"] = headers["content_type"]
    kept = {name: text for name, text in message.headers.items() if name != f"ce_{without}"}
    return _record({**kept, **changed}, message.value if value is None else value)


def _structured(*, content_type: str = STRUCTURED, raw: bytes = b"", **changed: object) -> Event:
    """Read the SDK's structured message with a few members changed; ... takes one away."""
    members = json.loads(kafka.to_structured_event(_canonical()).value or b"")
    members |= changed
    value = (
        raw or json.dumps({name: each for name, each in members.items() if each != ...}).encode()
    )
    return _record({"content-type": content_type.encode()}, value)


def _http(headers: Mapping[str, str], body: bytes) -> list[Event]:
    return [decode_part(*part, now=NOW) for part in split_request(list(headers.items()), body)]


def _http_binary(**headers: str) -> Event:
    message = http.to_binary_event(_canonical())
    (event,) = _http({**message.headers, **headers}, message.body)
    return event


@pytest.mark.parametrize("name", GOLDEN)
def test_what_the_official_sdk_writes_is_read_in_every_mode(name: str) -> None:
    golden = GOLDEN[name]
    event = _canonical(golden["event"])
    messages = [kafka.to_binary_event(event), kafka.to_structured_event(event)]
    requests = [http.to_binary_event(event), http.to_structured_event(event)]

    read = [_record(each.headers, each.value) for each in messages]
    read += [one for each in requests for one in _http(each.headers, each.body)]

    assert {each.fingerprint.hex() for each in read} == {golden["fingerprint"]}


def _untyped() -> Event:
    message = kafka.to_binary_event(_canonical())
    headers = {name: text for name, text in message.headers.items() if name != "content-type"}
    return _record(headers, message.value)


ACCEPTED: dict[str, Callable[[], Event]] = {
    "binary": _binary,
    "structured": _structured,
    "content type in upper case": lambda: _structured(content_type=STRUCTURED.upper()),
    "content type with a charset": lambda: _structured(content_type=STRUCTURED + "; charset=UTF-8"),
    "binary without a content type is JSON": _untyped,
    "data of any JSON media type": lambda: _binary(content_type=b"application/vnd.mes+json"),
    "null subject is absent": lambda: _structured(subject=None),
    "null extension is absent": lambda: _structured(supersedes=None),
    "extension of the producer's own": lambda: _structured(lineno=7, urgent=True, shift="early"),
    "integer at the limit": lambda: _structured(lineno=2**31 - 1),
    "data in base64": lambda: _structured(
        data=..., data_base64="eyJrcGkiOiJkb3dudGltZSIsInVuaXQiOiJsaW5lLTEiLCJ2YWx1ZSI6IjEyLjUifQ=="
    ),
    "record key that is not the partition key": lambda: _binary(key=b"k", partitionkey=b"line-1"),
    "record key that is not UTF-8": lambda: _binary(key=b"\xff\xfe"),
    "HTTP binary": _http_binary,
    "HTTP quoted value": lambda: _http_binary(**{"ce-source": '"urn:plant:mes"'}),
    "HTTP lower-case hex and needless escapes": lambda: _http_binary(
        **{"ce-source": "urn%3aplant%3ames"}
    ),
    "HTTP header names in any case": lambda: _http_binary(**{"CE-Subject": "line-1"}),
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_is_the_event_it_says_it_is(case: str) -> None:
    event = ACCEPTED[case]()

    assert (event.source, event.id) == ("urn:plant:mes", "m-1")
    assert event.fingerprint == _binary().fingerprint


def _lacking(name: str) -> Event:
    members = json.loads(kafka.to_structured_event(_canonical()).value or b"")
    del members[name]
    return _structured(raw=json.dumps(members).encode())


def _intervention(**changed: str) -> Event:
    return _structured(
        type="aivalue.intervention.assigned.v1",
        data={
            "initiative": "i", "unit": "u", "arm": "treatment", "assignment": "random",
            "start": "2026-02-01T00:00:00Z", **changed,
        },
    )  # fmt: skip


def _two_ids() -> Event:
    message = kafka.to_binary_event(_canonical())
    headers = [*message.headers.items(), ("ce_id", b"m-2")]
    return decode_record(message.value, headers, now=NOW)


def _no_value() -> Event:
    message = kafka.to_binary_event(_canonical())
    return decode_record(None, list(message.headers.items()), now=NOW)


def _of_size(n_bytes: int) -> bytes:
    return json.dumps({**DATA, "unit": "u"}).encode().ljust(n_bytes)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    **{f"structured without {name}": (partial(_lacking, name), "missing_attribute")
       for name in REQUIRED},
    **{f"binary without {name}": (partial(_binary, without=name), "missing_attribute")
       for name in REQUIRED},
    "null time is absent": (lambda: _structured(time=None), "missing_attribute"),
    "empty id": (lambda: _structured(id=""), "invalid_attribute"),
    "empty subject": (lambda: _structured(subject=""), "invalid_attribute"),
    "specversion 0.3": (lambda: _binary(specversion=b"0.3"), "unsupported_specversion"),
    "specversion 1.1": (lambda: _structured(specversion="1.1"), "unsupported_specversion"),
    "two ce_id headers": (_two_ids, "duplicate_key"),
    "a member twice": (
        lambda: _structured(raw=b'{"specversion":"1.0","id":"a","id":"b"}'), "duplicate_key",
    ),
    "header that is not UTF-8": (lambda: _binary(subject=b"\xff"), "not_utf8"),
    "extension with a capital": (lambda: _structured(lineNo="7"), "invalid_attribute"),
    "header with a capital": (lambda: _binary(lineNo=b"7"), "invalid_attribute"),
    "integer beyond 32 bits": (lambda: _structured(lineno=2**31), "invalid_attribute"),
    "fraction as extension": (lambda: _structured(lineno=1.5), "invalid_attribute"),
    "object as extension": (lambda: _structured(line={"no": 7}), "invalid_attribute"),
    "control character in subject": (lambda: _binary(subject=b"a\nb"), "invalid_attribute"),
    "NUL in subject": (lambda: _structured(subject="a\0b"), "invalid_text"),
    "non-character in source": (lambda: _structured(source="urn:\ufdd0"), "invalid_attribute"),
    "lone surrogate in id": (lambda: _structured(id="\ud800"), "invalid_text"),
    "time without an offset": (lambda: _structured(time="2026-02-28T23:30:00"), "invalid_time"),
    "time whose offset is no time of a day": (
        lambda: _structured(time="2026-02-28T23:30:00+01:60"), "invalid_time",
    ),
    "time that is a date": (lambda: _binary(time=b"2026-02-28"), "invalid_time"),
    "time in the future": (lambda: _binary(time=b"2026-03-01T12:05:01Z"), "time_in_future"),
    "recordedtime in the future": (
        lambda: _binary(recordedtime=b"2026-03-01T12:05:01Z"), "time_in_future",
    ),
    "time before the first year": (
        lambda: _binary(time=b"0001-01-01T00:00:00+14:00"), "invalid_time",
    ),
    "recordedtime before the first year": (
        lambda: _binary(recordedtime=b"0001-01-01T00:00:00+14:00"), "invalid_time",
    ),
    "start before the first year": (
        lambda: _intervention(start="0001-01-01T00:00:00+14:00"), "schema",
    ),
    "end after the last year": (
        lambda: _intervention(end="9999-12-31T23:59:59-14:00"), "schema",
    ),
    "data and data_base64": (lambda: _structured(data_base64="e30="), "schema"),
    "data_base64 that is none": (
        lambda: _structured(data=..., data_base64="not base64"), "schema",
    ),
    "no data": (lambda: _structured(data=...), "no_data"),
    "data null is not absent": (lambda: _structured(data=None), "schema"),
    "data that is a string of JSON is not parsed again": (
        lambda: _structured(data=json.dumps(DATA)), "schema",
    ),
    "data that is a list": (lambda: _structured(data=[DATA]), "schema"),
    "data that is a number": (lambda: _structured(data=7), "schema"),
    "application/json that is not JSON": (lambda: _binary(b"12,5"), "not_json"),
    "null value is an event without data": (_no_value, "no_data"),
    "data of another media type": (lambda: _binary(content_type=b"text/csv"), "unsupported_format"),
    "application/cloudevents+avro": (
        lambda: _structured(content_type="application/cloudevents+avro"), "unsupported_format",
    ),
    "application/cloudevents-batch+json on Kafka": (
        lambda: _structured(content_type="application/cloudevents-batch+json"),
        "unsupported_format",
    ),
    "framed for a schema registry": (
        lambda: _record({}, b"\x00\x00\x00\x00\x07" + b"{}"), "confluent_framed",
    ),
    "more than is read": (lambda: _binary(_of_size(EVENT_BYTES_MAX + 1)), "too_large"),
    "supersedes that fits no index": (lambda: _binary(supersedes=b"x" * 201), "invalid_attribute"),
    "backfillid that fits no index": (lambda: _binary(backfillid=b"x" * 201), "invalid_attribute"),
    "HTTP escape that is not UTF-8": (
        lambda: _http_binary(**{"ce-source": "%C0%A0"}), "not_utf8",
    ),
    "HTTP ce-datacontenttype": (
        lambda: _http_binary(**{"ce-datacontenttype": "application/json"}), "duplicate_key",
    ),
    "HTTP header twice in two cases": (
        lambda: _http_binary(**{"CE-Id": "m-2"}), "duplicate_key",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused(case: str) -> None:
    read, reason = REFUSED[case]

    with pytest.raises(InvalidEvent) as refused:
        read()

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2026-02-28T23:30:00.123456789Z", datetime(2026, 2, 28, 23, 30, 0, 123456, tzinfo=UTC)),
        ("2026-03-01T12:05:00Z", NOW + timedelta(minutes=5)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_however_precise_or_old(text: str, instant: datetime) -> None:
    assert _binary(time=text.encode()).time == instant


def test_structured_wins_over_headers_that_disagree() -> None:
    message = kafka.to_structured_event(_canonical())

    event = _record({**message.headers, "ce_id": b"another", "ce_type": b"x"}, message.value)

    assert event.id == "m-1"


@pytest.mark.parametrize("n_bytes", [64 * 1024, EVENT_BYTES_MAX])
def test_an_event_up_to_the_limit_is_read(n_bytes: int) -> None:
    assert _binary(_of_size(n_bytes)).id == "m-1"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/cloudevents-batch+avro", b"[]"), ("text/plain", b"{}"), ("", b"")],
)
def test_a_request_of_another_type_is_no_event(content_type: str, body: bytes) -> None:
    with pytest.raises(UnsupportedContent):
        _http({"content-type": content_type}, body)


def test_a_batch_is_read_event_by_event_and_may_be_empty() -> None:
    batch = {"content-type": "application/cloudevents-batch+json; charset=utf-8"}
    one = kafka.to_structured_event(_canonical()).value or b""

    assert _http(batch, b"[]") == []
    assert _http(batch, b"[" + one + b"," + one + b"]") == [_structured()] * 2
