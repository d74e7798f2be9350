"""Whether a Kafka record becomes exactly the event it carries, or a refusal that says why.

The list is the CloudEvents 1.0 Kafka binding and JSON format, plus what no ledger may let pass.
"""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from aivalue.errors import InvalidEvent
from aivalue.events.business import MeasurementRecorded
from aivalue.events.event import Event
from aivalue.events.kafka_binding import decode_record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "m-1",
    "source": "urn:plant:mes",
    "type": "aivalue.measurement.recorded.v1",
    "time": "2026-02-28T23:30:00-05:00",
}
DATA = {"kpi": "downtime", "unit": "line-1", "value": "12.50"}


def _structured(**changed: object) -> Event:
    members: dict[str, object] = {**ATTRIBUTES, "data": DATA, **changed}
    kept = {name: value for name, value in members.items() if value is not ...}
    return decode_record(json.dumps(kept).encode(), STRUCTURED, now=NOW)


def _binary(
    value: bytes | None = None, extra: list[tuple[str, bytes]] | None = None, **changed: object
) -> Event:
    members = {**ATTRIBUTES, **changed}
    headers = [(f"ce_{name}", str(text).encode()) for name, text in members.items() if text != ...]
    headers += [("content-type", b"application/json")] if extra is None else extra
    return decode_record(json.dumps(DATA).encode() if value is None else value, headers, now=NOW)


def _reason(error: pytest.ExceptionInfo[InvalidEvent]) -> str:
    return error.value.reason


def test_both_modes_carry_the_same_event() -> None:
    structured, binary = _structured(), _binary()

    assert structured == binary
    assert structured.data == MeasurementRecorded(
        kpi="downtime", unit="line-1", value=Decimal("12.50")
    )
    assert structured.time == datetime(2026, 3, 1, 4, 30, tzinfo=UTC)


def test_the_business_day_is_the_date_where_the_event_was_written() -> None:
    assert _structured().day == date(2026, 2, 28)
    assert _structured(data={**DATA, "business_date": "2026-02-27"}).day == date(2026, 2, 27)


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"APPLICATION/CloudEvents+JSON",
        b"application/cloudevents+json;charset=utf-8",
    ],
)
def test_structured_mode_is_told_by_the_content_type_in_any_case(content_type: bytes) -> None:
    value = json.dumps({**ATTRIBUTES, "data": DATA}).encode()

    event = decode_record(value, [("Content-Type", content_type)], now=NOW)

    assert event == _structured()


def test_in_structured_mode_the_value_wins_over_headers() -> None:
    value = json.dumps({**ATTRIBUTES, "data": DATA}).encode()

    event = decode_record(value, [*STRUCTURED, ("ce_id", b"another")], now=NOW)

    assert event.id == "m-1"


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "time"])
def test_a_missing_attribute_is_refused_and_never_invented(name: str) -> None:
    absent: dict[str, object] = {name: ...}
    with pytest.raises(InvalidEvent) as structured:
        _structured(**absent)
    with pytest.raises(InvalidEvent) as binary:
        _binary(None, None, **absent)

    assert _reason(structured) == _reason(binary) == "missing_attribute"
    assert structured.value.path == binary.value.path == f"$.{name}"


def test_null_means_absent() -> None:
    assert _structured(subject=None) == _structured()
    with pytest.raises(InvalidEvent) as error:
        _structured(time=None)
    assert _reason(error) == "missing_attribute"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"id": ""}, "invalid_attribute"),
        ({"source": ""}, "invalid_attribute"),
        ({"id": "x" * 201}, "invalid_attribute"),
        ({"subject": ""}, "invalid_attribute"),
        ({"subject": "two\nlines"}, "invalid_attribute"),
        ({"id": "nul\x00"}, "invalid_attribute"),
        ({"id": "c1\x85"}, "invalid_attribute"),
        ({"specversion": "0.3"}, "unsupported_specversion"),
        ({"specversion": "1.1"}, "unsupported_specversion"),
        ({"type": "aivalue.unheard.of.v1"}, "unknown_type"),
        ({"datacontenttype": "text/csv"}, "unsupported_format"),
        ({"Extension": "x"}, "invalid_attribute"),
        ({"bad-name": "x"}, "invalid_attribute"),
        ({"extension": 2**31}, "invalid_attribute"),
        ({"extension": 1.5}, "invalid_attribute"),
        ({"extension": {"a": 1}}, "invalid_attribute"),
        ({"subject": 7}, "schema"),
        ({"data": ...}, "no_data"),
        ({"data_base64": "e30="}, "schema"),
        ({"data": ..., "data_base64": "not base64"}, "schema"),
        ({"data": {**DATA, "colour": "red"}}, "schema"),
        ({"data": {**DATA, "value": None}}, "schema"),
        ({"data": {**DATA, "numerator": "1", "denominator": "2"}}, "schema"),
        ({"data": {**DATA, "value": "NaN"}}, "schema"),
        ({"data": {**DATA, "value": "Infinity"}}, "schema"),
        ({"data": {**DATA, "value": "1e31"}}, "schema"),
        ({"data": {**DATA, "value": "0." + "1" * 90}}, "schema"),
        ({"data": {**DATA, "value": True}}, "schema"),
        ({"data": {**DATA, "kpi": ""}}, "schema"),
        ({"data": {**DATA, "unit": "u\x00"}}, "invalid_text"),
        ({"data": {**DATA, "arm": "placebo"}}, "schema"),
        ({"data": "a string"}, "schema"),
        ({"data": [1]}, "schema"),
        ({"data": {**DATA, "business_date": "2026-03-03"}}, "time_in_future"),
    ],
)
def test_what_breaks_the_contract_is_refused(changed: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        _structured(**changed)

    assert _reason(error) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-02-28T23:30:00", "invalid_time"),
        ("2026-02-28", "invalid_time"),
        ("2026-02-28 23:30:00Z", "invalid_time"),
        ("2026-02-30T00:00:00Z", "invalid_time"),
        ("2026-02-28T23:30:00+24:00", "invalid_time"),
        ("2026-02-28T23:30:00.Z", "invalid_time"),
        ("2026-02-28T23:30:00.+01:00", "invalid_time"),
        ("2026-02-28T23:30:00.123456 Z", "invalid_time"),
        ("2026-02-28T23:30:00.123456and more+01:00", "invalid_time"),
        ("2026-02-28T23:30:00.123456\u0661Z", "invalid_time"),
        ("2026-03-01T12:05:00.000001Z", "time_in_future"),
    ],
)
def test_a_time_that_names_no_instant_or_one_to_come_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        _structured(time=text)

    assert _reason(error) == reason


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-02-28T23:30:00.123456789Z", datetime(2026, 2, 28, 23, 30, 0, 123456, tzinfo=UTC)),
        ("2026-02-28t23:30:00z", datetime(2026, 2, 28, 23, 30, tzinfo=UTC)),
        # A leap second counts as the second after it.
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2026-03-01T12:05:00Z", NOW + timedelta(minutes=5)),
    ],
)
def test_every_way_to_write_an_instant_is_read(text: str, instant: datetime) -> None:
    assert _structured(time=text).time == instant


def test_extensions_we_do_not_know_are_accepted() -> None:
    assert _structured(myextension="x", another=7, third=True) == _structured()
    assert _binary(myextension="x") == _structured()


def test_numbers_are_read_exactly() -> None:
    exact = '{"kpi":"downtime","unit":"line-1","value":12345678901234567890.123456789}'
    event = _binary(exact.encode())

    assert isinstance(event.data, MeasurementRecorded)
    assert event.data.value == Decimal("12345678901234567890.123456789")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'{"kpi":"a","kpi":"b","unit":"u","value":1}', "duplicate_key"),
        (b'{"kpi":"a","unit" : "u","unit":"u","value":1}', "duplicate_key"),
        (b'{"kpi":"a","unit":"u","value":1,"value":"2"}', "duplicate_key"),
        (b'{"k\\u0070i":"a","kpi":"b","unit":"u","value":1}', "duplicate_key"),
        (b'{"kpi":"a","unit":"u","value":NaN}', "not_json"),
        (b'{"kpi":"a","unit":"u","value":Infinity}', "not_json"),
        (b'{"kpi":"a","unit":"u","value":1e9999999999999999999}', "schema"),
        (b'{"kpi":"a","unit":"u","value":-0E-9999999999999999999}', "schema"),
        (b'{"kpi":"a","unit":"u","value":1,"more":1e9999999999999999999}', "schema"),
        (b'{"kpi":"a","unit":"u","value":' + b"9" * 5_000 + b"}", "schema"),
        (b'{"kpi":"\xff","unit":"u","value":1}', "not_utf8"),
        (b'{"kpi":"\\ud800","unit":"u","value":1}', "invalid_text"),
        (b'{"kpi":"a\\u0000","unit":"u","value":1}', "invalid_text"),
        (b"not json", "not_json"),
        (b"", "no_data"),
        (b'{"kpi":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "too_deep"),
        (b'{"kpi":' + b"[" * 100 + b"]" * 100 + b"}", "too_deep"),
        (b'{"kpi":"' + b"x" * 300_000 + b'"}', "too_large"),
    ],
)
def test_bytes_that_are_not_one_plain_json_value_are_refused(value: bytes, reason: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        _binary(value)

    assert _reason(error) == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [("1e9999999999999999999", "schema"), ("9" * 5_000, "invalid_attribute")],
)
def test_an_extension_that_no_number_can_be_is_refused(said: str, reason: str) -> None:
    event = json.dumps({"extension": 0, **ATTRIBUTES, "data": DATA})

    with pytest.raises(InvalidEvent) as error:
        decode_record(event.replace("0", said, 1).encode(), STRUCTURED, now=NOW)

    assert _reason(error) == reason


def test_an_envelope_with_a_key_twice_is_refused() -> None:
    value = json.dumps({**ATTRIBUTES, "data": DATA})
    value = value.replace('"id": "m-1"', '"id": "m-1", "id": "m-1"')

    with pytest.raises(InvalidEvent) as error:
        decode_record(value.encode(), STRUCTURED, now=NOW)

    assert _reason(error) == "duplicate_key"


def test_an_attribute_in_two_headers_is_refused() -> None:
    with pytest.raises(InvalidEvent) as error:
        _binary(extra=[("ce_id", b"m-2")])

    assert _reason(error) == "duplicate_key"


def test_a_header_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidEvent) as error:
        _binary(extra=[("ce_subject", b"\xff")])

    assert _reason(error) == "not_utf8"


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (b"{}", [("content-type", b"application/cloudevents+avro")], "unsupported_format"),
        (b"[]", [("content-type", b"application/cloudevents-batch+json")], "unsupported_format"),
        (b"\x00\x00\x00\x00\x01abc", [], "confluent_framed"),
        (None, STRUCTURED, "no_data"),
        (None, [], "missing_attribute"),
        (b"[]", STRUCTURED, "not_json"),
    ],
)
def test_a_record_that_is_no_event_is_refused(
    value: bytes | None, headers: list[tuple[str, bytes]], reason: str
) -> None:
    with pytest.raises(InvalidEvent) as error:
        decode_record(value, headers, now=NOW)

    assert _reason(error) == reason


def test_an_event_of_64_kib_is_read() -> None:
    body = json.dumps({"source": "urn:s", "id": "e", "reason": "x" * 2_000, "pad": ""})
    padded = body.replace('"pad": ""', " " * 63_000)[:-1].rstrip(", ") + "}"

    event = _binary(padded.encode(), type="aivalue.event.retracted.v1")

    assert event.id == "m-1"


def test_data_in_base64_is_read() -> None:
    encoded = "eyJrcGkiOiJkb3dudGltZSIsInVuaXQiOiJsaW5lLTEiLCJ2YWx1ZSI6IjEyLjUwIn0="

    assert _structured(data=..., data_base64=encoded) == _structured()


def test_the_fingerprint_tells_what_is_said_from_how_it_is_written() -> None:
    event = _structured()

    assert _structured(data=dict(reversed(DATA.items()))).fingerprint == event.fingerprint
    assert _structured(time="2026-03-01T04:30:00Z").fingerprint != event.fingerprint  # another day
    assert _structured(data={**DATA, "value": "12.51"}).fingerprint != event.fingerprint
    assert _structured(supersedes="m-0").fingerprint != event.fingerprint
    assert _structured(traceparent="00-a-b-01").fingerprint == event.fingerprint


def test_corrections_carry_what_orders_them() -> None:
    event = _structured(
        supersedes="m-0", recordedtime="2026-03-01T10:00:00Z", sequence="7", backfillid="b-1"
    )

    assert (event.supersedes, event.sequence, event.backfillid) == ("m-0", "7", "b-1")
    assert event.recordedtime == datetime(2026, 3, 1, 10, tzinfo=UTC)
