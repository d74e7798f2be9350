"""Whether every event that producers may have stored is still read, and read as the same.

The files are history: a change that makes one fail breaks producers, or the identity of events
that were counted (another fingerprint turns a repeated event into a conflict). New fields get a
default; anything else is a new type with files of its own.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from aivalue.events import value
from aivalue.events.changes import decode_change
from aivalue.events.decode import decode_structured
from aivalue.events.fields import EventData
from aivalue.events.kafka_binding import decode_record
from aivalue.events.topics import DATA_BY_TYPE
from deploy.documents.event_contract import CHANGES, OUTPUTS, asyncapi_document, type_of
from services.attribution.changes import change_of

HERE = Path(__file__).parent
READ = {path.stem: json.loads(path.read_text()) for path in sorted((HERE / "in").glob("*.json"))}
TOLD = {path.stem: path.read_bytes() for path in sorted((HERE / "out").glob("*.json"))}
LATER = datetime(2026, 1, 1, tzinfo=UTC)
ANNOUNCED: dict[str, type[EventData]] = {type_of(data): data for data in value.ANNOUNCED}


def test_every_type_has_its_file() -> None:
    assert set(READ) == set(DATA_BY_TYPE)
    assert set(TOLD) == {type_of(data) for data in OUTPUTS}


@pytest.mark.parametrize("name", READ)
def test_a_stored_event_is_read_as_it_was(name: str) -> None:
    golden = READ[name]

    event = decode_structured(json.dumps(golden["event"]).encode(), now=LATER)

    assert event.fingerprint.hex() == golden["fingerprint"]
    assert event.day.isoformat() == golden["day"]
    assert msgspec.json.decode(msgspec.json.encode(event.data)) == golden["data"]
    assert set(golden["event"]["data"]) >= required(type(event.data))


@pytest.mark.parametrize("name", READ)
def test_both_modes_say_the_same(name: str) -> None:
    golden = dict(READ[name]["event"])
    body = json.dumps(golden.pop("data")).encode()
    headers = [("content-type", golden.pop("datacontenttype").encode())]
    headers += [(f"ce_{attribute}", text.encode()) for attribute, text in golden.items()]

    event = decode_record(body, headers, now=LATER)

    assert event.fingerprint.hex() == READ[name]["fingerprint"]


@pytest.mark.parametrize("name", READ)
def test_a_stored_event_keeps_to_the_published_schema(name: str) -> None:
    validator(DATA_BY_TYPE[name]).validate(READ[name]["event"])


@pytest.mark.parametrize("name", TOLD)
def test_what_services_tell_keeps_to_the_published_schema(name: str) -> None:
    data = {type_of(each): each for each in OUTPUTS}[name]

    validator(data).validate(json.loads(TOLD[name]))


@pytest.mark.parametrize("name", TOLD)
def test_what_services_tell_is_understood_by_those_who_listen(name: str) -> None:
    event = json.loads(TOLD[name])

    if name in {type_of(data) for data in CHANGES}:
        read = decode_change(TOLD[name])
        assert read is not None
        assert read[0] == event["tenant"]
        assert msgspec.to_builtins(read[1]) == event["data"]
    else:
        read_data = msgspec.convert(event["data"], ANNOUNCED[name])
        assert msgspec.to_builtins(read_data) == event["data"]
    change = change_of(TOLD[name])
    # Attribution does not listen to itself.
    own = {"aivalue.attribution.completed.v1", "aivalue.valuation_rules.changed.v1"}
    assert (change is None) == (name in own)


def required(data: type[EventData]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(data) if field.required}


def validator(data: type[EventData]) -> jsonschema.Draft202012Validator:
    document: dict[str, Any] = asyncapi_document()
    payload = document["components"]["messages"][data.__name__]["payload"]
    return jsonschema.Draft202012Validator({**payload, "components": document["components"]})
