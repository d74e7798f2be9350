"""AsyncAPI document and topic list, derived from the event types themselves."""

from typing import Any

import msgspec

import aivalue
from aivalue.events import changes, topics
from aivalue.events.attributes import REQUIRED
from aivalue.events.fields import EventData
from aivalue.runtime.kafka import RETENTION_MS

_REFERENCE = "#/components/schemas/{name}"
_CHANGES = (changes.SeriesChanged, changes.InterventionsChanged, changes.CostsChanged)
_FAMILIES: dict[str, tuple[type[EventData], ...]] = {
    topics.BUSINESS: topics.BUSINESS_DATA,
    topics.MODEL: topics.MODEL_DATA,
    topics.REPLAY: topics.BUSINESS_DATA + topics.MODEL_DATA,
    topics.CHANGES: _CHANGES,
}
_PURPOSE = {
    topics.BUSINESS: "What business systems emit.",
    topics.MODEL: "What models and their platforms emit.",
    topics.REPLAY: "Any of both again, for imports and repairs.",
    topics.CHANGES: "What ingest tells the other services: read it anew.",
}
_ATTRIBUTES = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "minLength": 1, "maxLength": 200},
    "source": {"type": "string", "format": "uri-reference", "minLength": 1, "maxLength": 200},
    "time": {"type": "string", "format": "date-time"},
    "subject": {"type": "string", "minLength": 1},
    "datacontenttype": {"const": "application/json"},
    "supersedes": {"type": "string", "description": "Id of the event that this one corrects."},
    "recordedtime": {"type": "string", "format": "date-time"},
    "sequence": {"type": "string"},
    "backfillid": {"type": "string"},
}


def asyncapi_document() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of every topic, with closed schemas."""
    families = {data.__name__: data for group in _FAMILIES.values() for data in group}
    _, schemas = msgspec.json.schema_components(tuple(families.values()), ref_template=_REFERENCE)
    schemas = {name: _with_numbers(schema) for name, schema in schemas.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "aivalue events",
            "version": aivalue.__version__,
            "description": "CloudEvents 1.0, structured or binary; data schemas are closed. "
            "source and id identify an event for ever; time is business time.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {
            topic: {
                "address": topic,
                "description": _PURPOSE[topic],
                "messages": {data.__name__: _reference("messages", data) for data in group},
            }
            for topic, group in _FAMILIES.items()
        },
        "operations": {
            f"{'send' if topic == topics.CHANGES else 'receive'}.{topic}": {
                "action": "send" if topic == topics.CHANGES else "receive",
                "channel": {"$ref": f"#/channels/{topic}"},
            }
            for topic in _FAMILIES
        },
        "components": {
            "messages": {name: _message(data) for name, data in families.items()},
            "schemas": schemas,
        },
    }


def topics_document() -> str:
    """Return the topics as YAML, for whoever creates them with their own tools."""
    lines = ["# Made by `python -m deploy.generate`. Every tenant has its own input topics."]
    for topic in (*topics.INPUTS, topics.CHANGES, topics.VALUE):
        lines += [
            f"- name: {topic}",
            "  partitions: 12",
            "  replicationFactor: 3",
            "  config:",
            "    cleanup.policy: delete",
            f'    retention.ms: "{RETENTION_MS}"',
            '    min.insync.replicas: "2"',
            '    unclean.leader.election.enable: "false"',
        ]
    return "\n".join(lines) + "\n"


def _message(data: type[EventData]) -> dict[str, Any]:
    type_name = str(data.__dict__["TYPE"])
    return {
        "name": type_name,
        "title": data.__name__,
        "summary": (data.__doc__ or "").partition("\n")[0],
        "payload": {
            "type": "object",
            "required": [*REQUIRED, "data"],
            "properties": {
                **_ATTRIBUTES,
                "type": {"const": type_name},
                "data": {"$ref": _REFERENCE.format(name=data.__name__)},
            },
        },
    }


def _reference(kind: str, data: type[EventData]) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{data.__name__}"}


def _with_numbers(schema: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Say that an exact number may also stand as a JSON number: it is read from its text."""
    if isinstance(schema, list):
        return [_with_numbers(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return {"type": ["string", "number"], "format": "decimal"}
    return {name: _with_numbers(member) for name, member in schema.items()}
