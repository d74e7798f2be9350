"""Errors on the wire: RFC 9457 problem documents, one shape for every service."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, HTTPException, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException as StarletteHTTPException

from aivalue import errors
from aivalue.runtime.headers import PROBLEM_JSON
from aivalue.runtime.postgres import CONNECTION_ERRORS

_STATUS = {
    errors.InvalidEvent: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidDefinition: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidMoney: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFreezable: HTTPStatus.CONFLICT,
    errors.NotEstimable: HTTPStatus.CONFLICT,
    errors.NotComputable: HTTPStatus.CONFLICT,
}
# PostgreSQL cannot be reached, ends the session, gives up the statement, or has no room.
_AWAY = (
    *CONNECTION_ERRORS,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
_SEEN_MAX = 80
logger = structlog.get_logger()


class DependencyUnavailable(Exception):
    """A service or store that the answer needs does not answer; the caller gets 503."""


def problem(
    status: int, detail: str, *, headers: dict[str, str] | None = None, **members: object
) -> JSONResponse:
    """Build a problem document; `members` are its extension members."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    return JSONResponse(body, status, media_type=PROBLEM_JSON, headers=headers)


def install(application: FastAPI) -> None:
    """Render every error of the application as a problem document."""
    application.add_exception_handler(StarletteHTTPException, _http)
    application.add_exception_handler(RequestValidationError, _validation)
    application.add_exception_handler(errors.AivalueError, _core)
    application.add_exception_handler(DependencyUnavailable, _unavailable)
    for kind in _AWAY:
        application.add_exception_handler(kind, _away)
    application.add_exception_handler(asyncpg.DataError, _unfit)
    application.add_exception_handler(DBAPIError, _refused_by_database)
    application.add_exception_handler(Exception, _unexpected)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, (HTTPException, StarletteHTTPException))  # noqa: S101 - by registration
    headers = dict(error.headers) if error.headers else None
    return problem(error.status_code, _said(request, error), headers=headers)


def _said(request: Request, error: StarletteHTTPException) -> str:
    """Return what our own code said; the router says no more than the status' name."""
    path = request.url.path
    if error.detail == HTTPStatus.NOT_FOUND.phrase:
        return f"there is no {path}; /openapi.json lists what there is"
    if error.detail == HTTPStatus.METHOD_NOT_ALLOWED.phrase:
        allowed = {name.lower(): value for name, value in (error.headers or {}).items()}
        return f"{path} does not take {request.method}, it takes {allowed.get('allow')}"
    return str(error.detail)


async def _validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - by registration
    found = [_mistake(each) for each in error.errors()]
    return problem(422, "the request breaks its contract", errors=jsonable_encoder(found))


def _mistake(each: Mapping[str, Any]) -> dict[str, str]:
    if each.get("type") == "json_invalid":
        part, position = each["loc"]
        why = f"is not JSON: {each['ctx']['error']} at character {position}"
        return {"path": part, "message": why}
    path = "/".join(str(part) for part in each["loc"])
    return {"path": path, "message": each["msg"] + _seen(each["msg"], each.get("input"))}


def _seen(message: str, value: object) -> str:
    """Name the value where it is one and the message does not; a whole body helps nobody."""
    if not isinstance(value, str | int | float) or str(value) in message:
        return ""
    text = repr(value)
    return f", got {text if len(text) <= _SEEN_MAX else text[:_SEEN_MAX] + '…'}"


async def _core(_: Request, error: Exception) -> JSONResponse:
    status = next(
        (status for kind, status in _STATUS.items() if isinstance(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    members: dict[str, object] = {}
    if reason := getattr(error, "reason", None) or getattr(error, "verdict", None):
        members["reason"] = reason
    if isinstance(error, errors.InvalidDefinition) and error.problems:
        members["errors"] = [{"path": path, "message": text} for path, text in error.problems]
    return problem(status, str(error), headers=None, **members)


async def _unfit(_: Request, error: Exception) -> JSONResponse:
    """Answer who asks for what no text or number of ours can be, such as a name with NUL."""
    return problem(422, f"the request holds what PostgreSQL cannot: {error}")


async def _refused_by_database(request: Request, error: Exception) -> JSONResponse:
    """Find what asyncpg said below SQLAlchemy's adapter and SQLAlchemy's own error."""
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else None
    if isinstance(cause, asyncpg.DataError):
        return await _unfit(request, cause)
    if isinstance(cause, _AWAY):
        return await _away(request, cause)
    return await _unexpected(request, error)


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    return problem(503, str(error), headers={"retry-after": "2"})


async def _away(request: Request, error: Exception) -> JSONResponse:
    logger.warning("PostgreSQL fails a request", path=request.url.path, exc_info=error)
    said = f"PostgreSQL: {type(error).__name__}, {str(error) or 'no answer in time'}"
    return await _unavailable(request, DependencyUnavailable(said))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    logger.error("request failed", path=request.url.path, exc_info=error)
    return problem(500, "the service failed to answer; its log says why")
