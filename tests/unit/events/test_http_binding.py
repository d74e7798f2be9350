"""Whether an HTTP request becomes the events it carries, in every content mode."""

import json
from datetime import UTC, datetime

import pytest

from aivalue.errors import InvalidEvent
from aivalue.events.http_binding import (
    UnsupportedContent,
    decode_header,
    decode_part,
    split_request,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATA = {"kpi": "downtime", "unit": "line-1", "value": "12.50"}
EVENT = {
    "specversion": "1.0",
    "id": "m-1",
    "source": "urn:plant:mes",
    "type": "aivalue.measurement.recorded.v1",
    "time": "2026-03-01T10:00:00Z",
    "data": DATA,
}
BINARY = [("Content-Type", "application/json")] + [
    (f"CE-{name}", str(value)) for name, value in EVENT.items() if name != "data"
]


def test_all_modes_carry_the_same_event() -> None:
    body, data = json.dumps(EVENT).encode(), json.dumps(DATA).encode()
    requests = [
        ([("content-type", "application/cloudevents+json; charset=utf-8")], body),
        ([("Content-Type", "Application/CloudEvents-Batch+JSON")], b"[" + body + b"]"),
        (BINARY, data),
    ]

    events = [
        decode_part(*part, now=NOW)
        for headers, content in requests
        for part in split_request(headers, content)
    ]

    assert len(events) == 3
    assert events[0] == events[1] == events[2]


def test_an_empty_batch_holds_nothing() -> None:
    headers = [("content-type", "application/cloudevents-batch+json")]

    assert split_request(headers, b"[]") == []


def test_a_batch_that_is_no_array_is_refused_as_a_whole() -> None:
    with pytest.raises(InvalidEvent, match="JSON array"):
        split_request([("content-type", "application/cloudevents-batch+json")], b'{"id":1}')


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/cloudevents+avro", "application/json", ""]
)
def test_a_media_type_without_events_is_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedContent):
        split_request([("content-type", content_type)], b"{}")


def test_the_content_type_has_no_second_header() -> None:
    with pytest.raises(InvalidEvent, match="must not be sent"):
        split_request([*BINARY, ("ce-datacontenttype", "application/json")], b"{}")


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("plain", "plain"),
        ("Euro%20%E2%82%AC", "Euro €"),
        ("%e2%82%ac", "€"),
        ('"quoted \\"text\\""', 'quoted "text"'),
        ("100%", "100%"),
        ("%25%32%30", "%20"),
        ("M\xc3\xbcnster", "Münster"),
        ('"M\xc3\xbcnster%20"', "Münster "),
    ],
)
def test_header_values_are_decoded_once(text: str, decoded: str) -> None:
    assert decode_header(text) == decoded


@pytest.mark.parametrize("text", ["%C0%A0", "M\xfcnster", "\xff", "%C3\xfc", "€"])
def test_a_header_value_that_is_not_utf8_is_refused(text: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        decode_header(text)

    assert error.value.reason == "not_utf8"
