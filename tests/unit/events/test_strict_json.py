"""Whether a key that stands twice is always found, and an honest event spared the slow path."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.errors import InvalidEvent
from aivalue.events.business import MeasurementRecorded
from aivalue.events.encode import kafka_message
from aivalue.events.kafka_binding import decode_record
from aivalue.events.strict_json import is_suspect

NOW = datetime(2026, 3, 1, tzinfo=UTC)
_NAMES = ["kpi", "unit", "segment", "value"]
_SPACE = st.sampled_from(["", " ", "\n", "\t", "  "])


@given(
    twice=st.sampled_from(_NAMES),
    value=st.sampled_from(['"1"', "2", '"x:y"', '"\\u0041"']),
    at=st.integers(0, 4),
    spaces=st.lists(_SPACE, min_size=12, max_size=12),
    escape=st.booleans(),
)
def test_a_key_twice_is_refused_however_it_is_written(
    *, twice: str, value: str, at: int, spaces: list[str], escape: bool
) -> None:
    members = [("kpi", '"k"'), ("unit", '"u"'), ("segment", '"s"'), ("value", "1.5")]
    name = f"\\u{ord(twice[0]):04x}{twice[1:]}" if escape else twice
    members.insert(at, (name, value))
    space = iter(spaces)
    text = ",".join(f'{next(space)}"{key}"{next(space)}:{value}' for key, value in members)
    headers = [
        ("ce_specversion", b"1.0"), ("ce_id", b"i"), ("ce_source", b"s"),
        ("ce_type", b"aivalue.measurement.recorded.v1"), ("ce_time", b"2026-01-01T00:00:00Z"),
    ]  # fmt: skip

    with pytest.raises(InvalidEvent) as error:
        decode_record(("{" + text + "}").encode(), headers, now=NOW)

    assert error.value.reason == "duplicate_key"


@pytest.mark.parametrize("value", ['"12.5"', "12.5"])
def test_an_event_as_producers_write_it_is_no_suspect(value: str) -> None:
    data = MeasurementRecorded(kpi="k", unit="u", value=Decimal("12.5"))
    message = kafka_message(data, source="s", event_id="i", time=NOW, mode="binary")
    plain = json.dumps({"kpi": "k", "unit": "u"})[:-1] + f', "value": {value}}}'

    assert not is_suspect(plain.encode(), message.value)
