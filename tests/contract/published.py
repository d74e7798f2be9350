"""A transport to a service's real application that holds every answer to the published API.

Whatever a test asks, and whatever one service asks another, is checked against docs/api.
"""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema
from fastapi import FastAPI

ITEMS_MAX = 50
_API = Path(__file__).parents[2] / "docs" / "api"


class Published(httpx.AsyncBaseTransport):
    """Passes requests on; an answer that docs/api does not describe fails the test."""

    def __init__(self, service: str, application: FastAPI) -> None:
        self._inner = httpx.ASGITransport(application)
        self._document: dict[str, Any] = json.loads((_API / f"{service}.json").read_text())
        templates = sorted(self._document["paths"], key=lambda each: each.count("{"))
        self._paths = {
            re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))): operations
            for path in templates
            for operations in [self._document["paths"][path]]
        }
        self.asked: set[tuple[str, str]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask the application and check what it says."""
        response = await self._inner.handle_async_request(request)
        content = await response.aread()
        where = f"{request.method} {request.url.path} {response.status_code}"
        operation = self._operation(request)
        assert str(response.status_code) in operation["responses"], f"{where} is not published"
        described = self._resolved(operation["responses"][str(response.status_code)])
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if described.get("content"):
            assert media_type in described["content"], f"{where} answers {media_type}"
            text = content.decode()
            answer = _beginning(json.loads(text)) if media_type.endswith("json") else text
            self._require(answer, described["content"][media_type], where)
        self.asked.add((request.method, request.url.path))
        return httpx.Response(
            response.status_code, headers=response.headers, content=content, request=request
        )

    def _operation(self, request: httpx.Request) -> dict[str, Any]:
        for pattern, operations in self._paths.items():
            if pattern.fullmatch(request.url.path) and request.method.lower() in operations:
                found: dict[str, Any] = operations[request.method.lower()]
                return found
        raise AssertionError(f"{request.method} {request.url.path} is not published")

    def _resolved(self, response: dict[str, Any]) -> dict[str, Any]:
        name = response.get("$ref", "").rpartition("/")[2]
        found: dict[str, Any] = self._document["components"]["responses"].get(name, response)
        return found

    def _require(self, answer: object, content: dict[str, Any], where: str) -> None:
        schema = {**content.get("schema", {}), "components": self._document["components"]}
        problem = jsonschema.exceptions.best_match(
            jsonschema.Draft202012Validator(schema).iter_errors(answer)
        )
        assert problem is None, f"{where}: {problem.json_path}: {problem.message[:200]}"


def _beginning(value: object) -> object:
    """Cut long lists: a column of a thousand cells is wrong in its first ones too."""
    if isinstance(value, dict):
        return {name: _beginning(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_beginning(each) for each in value[:ITEMS_MAX]]
    return value
