"""The AsyncAPI document of every topic, derived from the event types themselves."""

from typing import Any

import msgspec

import aivalue
from aivalue.events import changes, topics, value
from aivalue.events.attributes import REQUIRED
from aivalue.events.encode import CONTENT_TYPE, STRUCTURED, http_event, kafka_message
from aivalue.events.fields import EventData
from deploy.documents.event_examples import EXAMPLES, TIME
from deploy.documents.event_fields import MEANINGS

Document = dict[str, Any]
CHANGES = (changes.SeriesChanged, changes.InterventionsChanged, changes.CostsChanged)
FAMILIES: dict[str, tuple[type[EventData], ...]] = {
    topics.BUSINESS: topics.BUSINESS_DATA,
    topics.MODEL: topics.MODEL_DATA,
    topics.REPLAY: topics.BUSINESS_DATA + topics.MODEL_DATA,
    topics.CHANGES: CHANGES,
    topics.VALUE: value.ANNOUNCED,
}
PURPOSE = {
    topics.BUSINESS: "What business systems emit.",
    topics.MODEL: "What models and their platforms emit.",
    topics.REPLAY: "Any of both again, for imports and repairs.",
    topics.CHANGES: "What ingest tells the other services: read it anew.",
    topics.VALUE: "What baseline and attribution tell: definitions, baselines, runs.",
}
OUTPUTS = CHANGES + value.ANNOUNCED
_BINARY = "Binary"
_SCHEMA = "#/components/schemas/{name}"
_IDENTIFIER = {"type": "string", "minLength": 1, "maxLength": 200}
_ATTRIBUTES: dict[str, Document] = {
    "specversion": {"const": "1.0"},
    "id": {**_IDENTIFIER, "description": "With source the identity of the event, for ever."},
    "source": {**_IDENTIFIER, "format": "uri-reference", "description": "System that emits it."},
    "type": {"type": "string"},
    "time": {
        "type": "string",
        "format": "date-time",
        "description": "When it happened, with an offset; at most 5 minutes ahead of our clock.",
    },
    "subject": {"type": "string", "minLength": 1},
    "datacontenttype": {"const": "application/json"},
    "supersedes": {"type": "string", "description": "Id of the event that this one corrects."},
    "recordedtime": {
        "type": "string",
        "format": "date-time",
        "description": "When it was written down; of two corrections the later one holds.",
    },
    "sequence": {"type": "string"},
    "backfillid": {"type": "string", "description": "Names an import, to find it again."},
}
_TENANT = {"tenant": {"type": "string", "minLength": 1}}


def asyncapi_document() -> Document:
    """Return the AsyncAPI 3.0 document; data schemas are closed."""
    families = {data.__name__: data for group in FAMILIES.values() for data in group}
    _, schemas = msgspec.json.schema_components(tuple(families.values()), ref_template=_SCHEMA)
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
        "channels": {topic: _channel(topic) for topic in FAMILIES},
        "operations": {
            f"{action}.{topic}": {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}
            for topic in FAMILIES
            for action in ["receive" if topic in topics.INPUTS else "send"]
        },
        "components": {
            "messages": {
                name: message
                for data in families.values()
                for name, message in _messages(data).items()
            },
            "messageTraits": _traits(),
            "schemas": {name: _explained(name, schema) for name, schema in schemas.items()},
        },
    }


def event_of(data: type[EventData]) -> Document:
    """Return the example of a type as an event in JSON format."""
    example = EXAMPLES[data]
    if data not in OUTPUTS:
        event = http_event(example, source="urn:mes", event_id=_identity(data), time=TIME)
        return event | {"data": msgspec.json.decode(msgspec.json.encode(example))}
    return {
        "specversion": "1.0",
        "id": _identity(data),
        "source": f"urn:aivalue:{'ingest' if data in CHANGES else 'baseline'}",
        "type": type_of(data),
        "time": TIME.isoformat(),
        "datacontenttype": "application/json",
        "tenant": "default",
        "data": msgspec.json.decode(msgspec.json.encode(example)),
    }


def type_of(data: type[EventData]) -> str:
    """Return the CloudEvents `type` of an input or an output."""
    return str(data.__dict__["TYPE"])


def _identity(data: type[EventData]) -> str:
    return type_of(data).split(".")[1] + "-1"


def _channel(topic: str) -> Document:
    names = [name for data in FAMILIES[topic] for name in _messages(data)]
    return {
        "address": topic,
        "description": PURPOSE[topic],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _messages(data: type[EventData]) -> dict[str, Document]:
    """Describe a type in structured mode and, where we read it, in binary mode."""
    name = data.__name__
    said = {
        "name": type_of(data),
        "title": name,
        "summary": (data.__doc__ or "").partition("\n")[0],
    }
    own = _TENANT if data in OUTPUTS else {}
    structured = {
        **said,
        "contentType": "application/cloudevents+json",
        "traits": [{"$ref": "#/components/messageTraits/structured"}],
        "payload": {
            "type": "object",
            "required": [*REQUIRED, *own, "data"],
            "properties": {
                **_ATTRIBUTES,
                **own,
                "type": {"const": type_of(data)},
                "data": {"$ref": _SCHEMA.format(name=name)},
            },
        },
        "examples": [{"headers": {CONTENT_TYPE: STRUCTURED.decode()}, "payload": event_of(data)}],
    }
    if data in OUTPUTS:
        return {name: structured}
    message = kafka_message(
        EXAMPLES[data], source="urn:mes", event_id=_identity(data), time=TIME, mode="binary"
    )
    binary = {
        **said,
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/binary"}],
        "headers": {"type": "object", "properties": {"ce_type": {"const": type_of(data)}}},
        "payload": {"$ref": _SCHEMA.format(name=name)},
        "examples": [
            {
                "headers": {header: text.decode() for header, text in message.headers},
                "payload": msgspec.json.decode(message.value),
            }
        ],
    }
    return {name: structured, name + _BINARY: binary}


def _traits() -> Document:
    """Say where CloudEvents attributes stand in each of the two content modes."""
    content_type = {"type": "string", "description": "Tells the mode."}
    return {
        "structured": {
            "title": "Structured mode: attributes and data in one JSON object",
            "headers": {
                "type": "object",
                "required": [CONTENT_TYPE],
                "properties": {
                    CONTENT_TYPE: {**content_type, "pattern": r"^application/cloudevents\+json"}
                },
            },
        },
        "binary": {
            "title": "Binary mode: attributes in headers, data alone in the value",
            "headers": {
                "type": "object",
                "required": [f"ce_{name}" for name in REQUIRED],
                "properties": {
                    CONTENT_TYPE: {**content_type, "pattern": "^application/json"},
                    **{
                        f"ce_{name}": schema
                        for name, schema in _ATTRIBUTES.items()
                        if name != "datacontenttype"
                    },
                },
            },
        },
    }


def _explained(name: str, schema: Document) -> Document:
    """Add each field's meaning, and the numbers that may also stand as JSON numbers."""
    meanings = {data.__name__: fields for data, fields in MEANINGS.items()}.get(name, {})
    properties = {
        field: _with_numbers(each) | ({"description": meanings[field]} if meanings else {})
        for field, each in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def _with_numbers(schema: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Say that an exact number may also stand as a JSON number: it is read from its text."""
    if isinstance(schema, list):
        return [_with_numbers(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return {"type": ["string", "number"], "format": "decimal"}
    return {name: _with_numbers(member) for name, member in schema.items()}
