"""What FastAPI cannot know about our answers: who may ask, and that every refusal is a problem.

The document served at `/openapi.json` is the one committed under docs/api.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from aivalue.runtime.auth import Admission

Document = dict[str, Any]
BEARER = "bearer"
_FIRST_ERROR = 400
_GENERATED = ("HTTPValidationError", "ValidationError")
_PROBLEM: Document = {
    "title": "Problem",
    "description": "Why a request was refused (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, with the value seen."},
        "reason": {"type": "string", "description": "The same for programs, where there is one."},
        "errors": {
            "type": "array",
            "description": "Every mistake in the request, each with its place.",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
    "examples": [
        {
            "type": "about:blank",
            "title": "Unprocessable Entity",
            "status": 422,
            "detail": "the request breaks its contract",
            "errors": [
                {
                    "path": "query/limit",
                    "message": "Input should be less than or equal to 500, got '9999'",
                }
            ],
        }
    ],
}
_REFUSED = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
}
# What every route that asks for a role refuses for the same reason.
_SHARED = {
    "401": "No known bearer token.",
    "403": "The token lacks the role.",
    "413": "The body is too long.",
    "422": "The request breaks its contract.",
}
_DONE = {"201": "Created.", "202": "Accepted.", "204": "Done; no content."}


class DescribedApplication(FastAPI):
    """An application whose OpenAPI document says all that its routes hold to.

    `state.routers` are the routers whose routes ask for a role.
    """

    def openapi(self) -> Document:
        """Return the document; built once, as routes do not change while it runs."""
        if self.openapi_schema is None:
            self.openapi_schema = _described(self)
        return self.openapi_schema


def _described(application: FastAPI) -> Document:
    document = get_openapi(
        title=application.title,
        version=application.version,
        summary=application.summary,
        routes=application.routes,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _GENERATED:
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    components["responses"] = {
        status: {"description": text, **_REFUSED} for status, text in _SHARED.items()
    }
    components["securitySchemes"] = {
        BEARER: {"type": "http", "scheme": "bearer", "description": "A token of the tokens file."}
    }
    roles = dict(_roles(application.state.routers))
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, roles.get((path, method)))
    return document


def _complete(operation: Document, role: str | None) -> None:
    """Add the role, the refusals that come with it, and the shape of every refusal."""
    # FastAPI makes a title of the function's name, which says less than the sentence below it.
    operation.pop("summary", None)
    responses = operation["responses"]
    for status, response in responses.items():
        if response["description"] == "Successful Response":
            response["description"] = _DONE.get(status, "Done.")
    if role is None:
        return
    operation["security"] = [{BEARER: [role]}]
    shared = {status: {"$ref": f"#/components/responses/{status}"} for status in _SHARED}
    if responses.get("422", {}).get("description") != "Validation Error":
        del shared["422"]
    if "413" in responses or "requestBody" not in operation:
        del shared["413"]
    refusals = {
        status: response | _REFUSED
        for status, response in responses.items()
        if int(status) >= _FIRST_ERROR
    }
    operation["responses"] = dict(sorted((responses | refusals | shared).items()))


def _roles(routers: Iterable[APIRouter]) -> Iterator[tuple[tuple[str, str], str]]:
    for router in routers:
        for route in router.routes:
            if not isinstance(route, APIRoute):
                continue
            role = next(_admissions(route.dependant), None)
            if role is not None:
                for method in route.methods or ():
                    yield (route.path_format, method.lower()), role


def _admissions(dependant: Dependant) -> Iterator[str]:
    for each in dependant.dependencies:
        if isinstance(each.call, Admission):
            yield each.call.role
        yield from _admissions(each)
