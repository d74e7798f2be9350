"""docs/events/README.md: what producers fill in, type by type."""

import json
from pathlib import Path
from typing import Any

from aivalue.events import topics
from aivalue.events.fields import EventData
from deploy.documents.event_contract import (
    FAMILIES,
    PURPOSE,
    asyncapi_document,
    event_of,
    type_of,
)

Schema = dict[str, Any]
HEAD = (Path(__file__).parent / "event_page.head.md").read_text()
_WORDS = {
    "boolean": "true or false",
    "date": "day",
    "date-time": "instant",
    "decimal": "exact number, as text or number",
    "string": "text",
}


def event_page() -> str:
    """Render the page."""
    schemas = asyncapi_document()["components"]["schemas"]
    parts = [HEAD]
    for topic, family in FAMILIES.items():
        if topic == topics.REPLAY:
            continue
        parts.append(f"## {topic}\n\n{PURPOSE[topic]}\n")
        parts += [_section(data, schemas) for data in family]
    return "\n".join(parts)


def _section(data: type[EventData], schemas: Schema) -> str:
    schema = schemas[data.__name__]
    sentence = (data.__doc__ or "").partition("\n")[0]
    rows = [
        f"| `{name}` | {_type(each, schemas)} | {_needed(name, each, schema)} | "
        f"{each['description']} |\n"
        for name, each in schema["properties"].items()
    ]
    example = json.dumps(event_of(data), ensure_ascii=False)
    return (
        f"### {type_of(data)}\n\n{sentence}\n\n"
        "| field | type | without it | meaning |\n|---|---|---|---|\n"
        f"{''.join(rows)}\n    {example}\n"
    )


def _needed(name: str, field: Schema, schema: Schema) -> str:
    if name in schema["required"]:
        return "refused"
    default = field.get("default")
    return "absent" if default is None else f"`{json.dumps(default)}`"


def _type(schema: Schema, schemas: Schema) -> str:
    if "$ref" in schema:
        named = schemas[schema["$ref"].rpartition("/")[2]]
        fields = ", ".join(
            f"`{name}` {_type(each, schemas)}" for name, each in named["properties"].items()
        )
        return f"object of {fields}"
    if "anyOf" in schema:
        return _type(schema["anyOf"][0], schemas)
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'], schemas)}"
    if schema.get("type") == "object":
        return f"object of {_type(schema['additionalProperties'], schemas)}"
    return _plain_type(schema)


def _plain_type(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"] if each)
    kind: str = schema.get("format") or schema["type"]
    limit = schema.get("maxLength")
    return _WORDS.get(kind, kind) + (f", to {limit} characters" if limit else "")
