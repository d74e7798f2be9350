"""No request, however odd, makes the service fail: it answers 4xx and stays as it was."""

import itertools
import json
from typing import Any

import pytest

from tests.integration.baseline.harness import Service

ODD = [
    "%00", "%F0%9F%98%80", "..%2F..%2Fetc", "%27%20or%201%3D1%20--", "a" * 3_000, "-1", "null",
    "%25s", "%EF%BF%BD", "1e999", "Aa", "a%0Ab", "%7Bx%7D",
]  # fmt: skip
BODIES: list[Any] = [
    None, [], {}, "x", 1, {"definitions": "x", "reason": "r"}, {"definitions": [{}], "reason": "r"},
    {"definitions": [], "reason": "\x00"}, {"definitions": [], "reason": ""},
    {"definitions": [{"kind": "kpi", "key": "a", "body": {"name": [[[[]]]]}}], "reason": "r"},
    {"definitions": [{"kind": "\x00", "key": "a", "body": {}}], "reason": "r"},
    {"definitions": [{"kind": "design", "key": "a", "body": {"confidence": 1e308}}], "reason": "r"},
    {"body": {}, "reason": "r"}, {"body": {"key": "other"}, "reason": "r"},
    {"initiative": "a", "kpi": "b", "reason": "r"},
    {"initiative": "a\x00", "kpi": "b", "reason": "r"},
    {"initiative": "a", "kpi": "b", "start": "0001-01-01", "end": "9999-12-31", "reason": "r"},
    {"initiative": "a", "kpi": "b", "start": "2023-01-01", "end": "2022-01-01", "reason": "r"},
    {"initiative": "a", "kpi": "b", "start": "2023-01-01", "reason": "r"},
    {"initiative": "a", "kpi": "b", "units": [""], "reason": "r"},
    {"initiative": "a", "kpi": "b", "weeks": 10**30},
    {"text": "reduce x by 10%", "kpi": "\x00"}, {"text": "\x00" * 50, "kpi": "a"},
    {"decision": "approved", "comment": "\x00"},
]  # fmt: skip


def routes(document: dict[str, Any], method: str) -> list[str]:
    return [path for path, operations in document["paths"].items() if method in operations]


def filled(path: str, value: str) -> str:
    while "{" in path:
        start, end = path.index("{"), path.index("}")
        name = path[start + 1 : end]
        path = path[:start] + ("portfolio" if name == "kind" else value) + path[end + 1 :]
    return path


@pytest.fixture
async def document(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = (await service.client.get("/openapi.json")).json()
    return found


async def test_odd_paths_and_parameters_are_refused(
    service: Service, document: dict[str, Any]
) -> None:
    for path, odd in itertools.product(routes(document, "get"), ODD):
        if "{" in path:
            plain = await service.client.get(filled(path, odd))
            assert plain.status_code < 500, (path, odd, plain.text)
        for parameter in document["paths"][path]["get"].get("parameters", []):
            if parameter["in"] == "query":
                name = parameter["name"]
                asked = await service.client.get(f"{filled(path, 'a')}?{name}={odd}")
                assert asked.status_code < 500, (path, name, odd, asked.text)


async def test_odd_bodies_are_refused(service: Service, document: dict[str, Any]) -> None:
    requests = [(method, path) for method in ("post", "put") for path in routes(document, method)]
    for (method, path), body in itertools.product(requests, BODIES):
        answer = await service.client.request(
            method,
            filled(path, "a"),
            content=json.dumps(body),
            headers={"content-type": "application/json", "if-none-match": "*"},
        )
        assert answer.status_code < 500, (path, body, answer.text)
    for method, path in requests:
        for content in (b"", b"{", b"\xff", b"[" * 5_000, b'{"a":' + b"9" * 5_000 + b"}", b"NaN"):
            answer = await service.client.request(
                method,
                filled(path, "a"),
                content=content,
                headers={"content-type": "application/json", "if-none-match": "*"},
            )
            assert answer.status_code < 500, (path, content[:20], answer.text)
    stored = (await service.client.get("/v1/definitions")).json()
    assert stored["definitions"] == []
