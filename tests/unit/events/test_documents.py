"""Whether the published schemas accept what the codec accepts, and refuse what it refuses."""

from datetime import UTC, datetime
from decimal import Decimal

import jsonschema
import pytest

from aivalue.events.business import MeasurementRecorded
from aivalue.events.encode import http_event
from aivalue.events.topics import DATA_BY_TYPE
from deploy.documents.event_contract import asyncapi_document

EVENT = http_event(
    MeasurementRecorded(kpi="downtime", unit="line-1", value=Decimal("12.5")),
    source="urn:plant",
    event_id="m-1",
    time=datetime(2026, 3, 1, tzinfo=UTC),
)
DATA = {"kpi": "downtime", "unit": "line-1", "value": "12.5"}


def _validator() -> jsonschema.Draft202012Validator:
    document = asyncapi_document()
    payload = document["components"]["messages"]["MeasurementRecorded"]["payload"]
    return jsonschema.Draft202012Validator({**payload, "components": document["components"]})


def test_every_type_has_its_message() -> None:
    messages = asyncapi_document()["components"]["messages"].values()

    assert set(DATA_BY_TYPE) <= {message["name"] for message in messages}


@pytest.mark.parametrize("value", ["12.5", 12.5])
def test_what_producers_send_is_valid(value: object) -> None:
    _validator().validate({**EVENT, "data": {**DATA, "value": value}})


@pytest.mark.parametrize(
    "changed",
    [{"specversion": "0.3"}, {"id": ""}, {"type": "other"}, {"data": {**DATA, "colour": "red"}}],
)
def test_what_breaks_the_contract_is_not(changed: dict[str, object]) -> None:
    assert not _validator().is_valid({**EVENT, **changed})
