"""Whether the event reference is true: its examples are events, its fields those of the types."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from aivalue.events import value
from aivalue.events.changes import decode_change
from aivalue.events.decode import decode_structured
from aivalue.events.fields import EventData
from aivalue.events.http_binding import decode_part, split_request
from aivalue.events.kafka_binding import decode_record
from aivalue.events.topics import DATA_BY_TYPE
from deploy.documents.event_contract import CHANGES, OUTPUTS, asyncapi_document, type_of
from deploy.documents.event_examples import EXAMPLES
from deploy.documents.event_fields import MEANINGS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INPUTS = list(DATA_BY_TYPE.values())
MESSAGES: dict[str, dict[str, Any]] = asyncapi_document()["components"]["messages"]


def name_of(data: type[EventData]) -> str:
    return data.__name__


def test_every_field_has_a_meaning_and_every_meaning_a_field() -> None:
    for data in [*INPUTS, *OUTPUTS]:
        assert list(MEANINGS[data]) == list(data.__struct_fields__), data
    assert set(MEANINGS) == set(EXAMPLES) == {*INPUTS, *OUTPUTS}


@pytest.mark.parametrize("data", INPUTS, ids=name_of)
def test_the_example_of_each_mode_is_read_as_the_same_event(data: type[EventData]) -> None:
    (structured,) = MESSAGES[data.__name__]["examples"]
    (binary,) = MESSAGES[data.__name__ + "Binary"]["examples"]
    body = json.dumps(structured["payload"]).encode()
    headers = {name: text.encode() for name, text in binary["headers"].items()}

    read = decode_structured(body, now=NOW)
    by_headers = decode_record(
        json.dumps(binary["payload"]).encode(), list(headers.items()), now=NOW
    )

    assert read.type == type_of(data)
    assert read.data == EXAMPLES[data]
    assert by_headers.fingerprint == read.fingerprint


def test_the_example_is_read_over_http() -> None:
    (example,) = MESSAGES["MeasurementRecorded"]["examples"]
    body = json.dumps([example["payload"]]).encode()

    ((value_, headers),) = split_request(
        [("content-type", "application/cloudevents-batch+json")], body
    )

    assert decode_part(value_, headers, now=NOW).id == "measurement-1"


@pytest.mark.parametrize("data", CHANGES, ids=name_of)
def test_the_example_of_a_change_is_read(data: type[EventData]) -> None:
    (example,) = MESSAGES[data.__name__]["examples"]

    assert decode_change(json.dumps(example["payload"]).encode()) == ("default", EXAMPLES[data])


@pytest.mark.parametrize("data", value.ANNOUNCED, ids=name_of)
def test_the_example_of_an_announcement_is_read(data: type[EventData]) -> None:
    (example,) = MESSAGES[data.__name__]["examples"]

    assert msgspec.convert(example["payload"]["data"], data) == EXAMPLES[data]
