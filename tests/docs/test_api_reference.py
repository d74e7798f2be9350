"""Whether the committed API reference says of every route who may ask and how it refuses.

That it is what the services serve is tested with all generated files (tests/deploy).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from aivalue.runtime.auth import Role

API = Path(__file__).parents[2] / "docs" / "api"
SERVICES = ("ingest", "baseline", "attribution", "reporting")


def operations(service: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = json.loads((API / f"{service}.json").read_text())
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_names_one_role_or_watches_the_process(service: str) -> None:
    for _, path, operation in operations(service):
        if path in {"/livez", "/readyz", "/metrics"}:
            assert "security" not in operation, path
            continue
        ((role,),) = (each["bearer"] for each in operation["security"])
        assert role in get_args(Role), path


@pytest.mark.parametrize("service", SERVICES)
def test_every_refusal_is_a_problem_document(service: str) -> None:
    for _, path, operation in operations(service):
        if "security" not in operation:
            continue
        assert {"401", "403"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            if int(status) >= 400 and "$ref" not in response:
                assert list(response["content"]) == ["application/problem+json"], path


@pytest.mark.parametrize("service", SERVICES)
def test_every_body_that_is_asked_for_has_an_example_that_fits(service: str) -> None:
    document = json.loads((API / f"{service}.json").read_text())
    for _, path, operation in operations(service):
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            schema = content["schema"]
            if "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            # One event by itself is the same under its second name.
            if media_type == "application/json" and path == "/v1/events":
                continue
            (example,) = schema["examples"]
            validator = Draft202012Validator(schema | {"components": document["components"]})
            assert not [each.message for each in validator.iter_errors(example)], path


@pytest.mark.parametrize("service", SERVICES)
def test_the_page_has_every_route_with_its_sentence(service: str) -> None:
    page = (API / "README.md").read_text()

    for method, path, operation in operations(service):
        if "security" in operation:
            sentence = operation["description"].replace("\n", " ")
            assert f"### `{method.upper()} {path}`\n\n{sentence}\n" in page
