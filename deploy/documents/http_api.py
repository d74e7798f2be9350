"""docs/api: the OpenAPI document of every service, and one page that people read."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from aivalue.runtime.openapi import BEARER
from aivalue.runtime.settings import AuthSettings, RuntimeSettings
from aivalue.runtime.stack import DEFAULT_PORTS
from services.attribution.app import create_app as create_attribution
from services.attribution.settings import AttributionSettings
from services.baseline.app import create_app as create_baseline
from services.baseline.settings import BaselineSettings
from services.ingest.app import create_app as create_ingest
from services.ingest.settings import IngestSettings
from services.reporting.app import create_app as create_reporting
from services.reporting.settings import ReportingSettings

Document = dict[str, Any]
HEAD = (Path(__file__).parent / "http_api.head.md").read_text()
OPEN = AuthSettings(mode="open")
SERVICES: Mapping[str, tuple[Callable[[RuntimeSettings], FastAPI], type[RuntimeSettings]]] = {
    "ingest": (create_ingest, IngestSettings),
    "baseline": (create_baseline, BaselineSettings),
    "attribution": (create_attribution, AttributionSettings),
    "reporting": (create_reporting, ReportingSettings),
}
_REFUSALS = range(400, 600)


def openapi_documents() -> dict[str, Document]:
    """Return what each service serves at `/openapi.json`; nothing is started."""
    return {
        name: create(settings(host="127.0.0.1", auth=OPEN)).openapi()
        for name, (create, settings) in SERVICES.items()
    }


def api_page(documents: Mapping[str, Document]) -> str:
    """Render the page."""
    parts = [HEAD]
    for name, document in documents.items():
        parts.append(f"## {name}, port {DEFAULT_PORTS[name]}\n\n{document['info']['summary']}\n")
        parts += [
            _route(method, path, operation)
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if "operations" not in operation.get("tags", ())
        ]
        schemas = document["components"]["schemas"].items()
        shapes = "\n".join(_described(name, each) for name, each in schemas if name != "Problem")
        parts.append(f"### Shapes of {name}\n\nA field with `?` may be left out.\n\n{shapes}\n")
    return "\n".join(parts)


def _route(method: str, path: str, operation: Document) -> str:
    (security,) = operation["security"]
    lines = {
        "Who may ask": ", ".join(security[BEARER]),
        "Asks with": ", ".join(_asked(operation)),
        "Answer": "; ".join(_answers(operation)),
        "Refusals": "; ".join(_refusals(operation)),
    }
    listed = [f"- **{name}:** {text}" for name, text in lines.items() if text]
    sentence = operation["description"].replace("\n", " ")
    return "\n".join([f"### `{method.upper()} {path}`", "", sentence, "", *listed, ""])


def _asked(operation: Document) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        schema = parameter["schema"]
        if parameter["in"] == "path" and "enum" not in schema:
            continue
        needed = " (needed)" if parameter["required"] and parameter["in"] != "path" else ""
        header = "header " if parameter["in"] == "header" else ""
        text = parameter.get("description") or schema.get("description")
        said = f" ({text.rstrip('.')})" if text else ""
        kind = _type(schema).removesuffix(" or null")
        yield f"{header}`{parameter['name']}` {kind}{needed}{said}"
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"body {_shape(media_type, content['schema'])}"


def _answers(operation: Document) -> Iterator[str]:
    """Say every success with its shape; those of one shape together."""
    by_shape: dict[str, list[str]] = {}
    for status, response in operation["responses"].items():
        if int(status) not in _REFUSALS:
            shapes = " or ".join(
                _shape(media_type, content.get("schema", {}))
                for media_type, content in response.get("content", {}).items()
            )
            meaning = response["description"].rstrip(".")
            by_shape.setdefault(shapes, []).append(f"{status} ({meaning})")
    for shapes, statuses in by_shape.items():
        yield f"{', '.join(statuses)}" + (f": {shapes}" if shapes else "")


def _refusals(operation: Document) -> Iterator[str]:
    for status, response in operation["responses"].items():
        if int(status) in _REFUSALS and "$ref" not in response:
            yield f"{status} {response['description'].rstrip('.')}"


def _described(name: str, schema: Document) -> str:
    required = schema.get("required", ())
    fields = ", ".join(
        f"`{field}`{'' if field in required else '?'} {_type(each)}"
        for field, each in schema.get("properties", {}).items()
    )
    sentence = schema.get("description", "").partition("\n\n")[0].replace("\n", " ")
    return f"- **{name}** {sentence} {fields or _type(schema)}"


def _shape(media_type: str, schema: Document) -> str:
    kind = "" if media_type == "application/json" else f" as `{media_type}`"
    return (_type(schema) if schema else "JSON") + kind


def _type(schema: Document) -> str:
    """Say a type in a word or two."""
    if "$ref" in schema:
        return f"**{schema['$ref'].rpartition('/')[2]}**"
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    limits = "".join(
        f", {word} {schema[limit]}"
        for limit, word in (("minimum", "from"), ("maximum", "to"), ("default", "default"))
        if limit in schema and schema[limit] is not None
    )
    return str(schema.get("const") or schema.get("format") or schema.get("type", "any")) + limits


def api_files(directory: Path) -> dict[Path, str]:
    """Return the content of every file under docs/api."""
    documents = openapi_documents()
    return {
        directory / "README.md": api_page(documents),
        **{
            directory / f"{name}.json": json.dumps(each, indent=2, ensure_ascii=False) + "\n"
            for name, each in documents.items()
        },
    }
