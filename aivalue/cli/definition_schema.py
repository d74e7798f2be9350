"""`aivalue schema`: the JSON Schema of definition files, for editors that check while one types."""

from typing import Any

from aivalue.cli.console import results
from aivalue.cli.definitions import IMPLIED, KINDS, LIST_SECTIONS, SECTION_KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def file_schema() -> dict[str, Any]:
    """Build the schema of one file; what the file's other sections imply is not required."""
    definitions: dict[str, Any] = {}
    sections: dict[str, Any] = {}
    for section, kind in SECTION_KINDS.items():
        schema = KINDS[kind].model_json_schema(ref_template="#/$defs/{model}")
        definitions |= schema.pop("$defs", {})
        if section in IMPLIED:
            field, _ = IMPLIED[section]
            schema["required"] = [each for each in schema["required"] if each != field]
        definitions[kind] = schema
        reference = {"$ref": f"#/$defs/{kind}"}
        sections[section] = (
            {"type": "array", "items": reference} if section in LIST_SECTIONS else reference
        )
    return {
        "$schema": DIALECT,
        "title": "aivalue definitions",
        "type": "object",
        "properties": sections,
        "additionalProperties": False,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_command() -> None:
    """Print the JSON Schema of definition files."""
    results.print_json(data=file_schema(), indent=2)
