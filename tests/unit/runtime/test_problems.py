"""Every refusal is a problem document that names the thing, the value seen and what is needed."""

from typing import Annotated

import asyncpg
import httpx
import pytest
from fastapi import FastAPI, Query
from sqlalchemy.exc import DBAPIError

from aivalue.errors import InvalidDefinition, NotFreezable
from aivalue.runtime import problems
from aivalue.runtime.headers import PROBLEM_JSON


def application() -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.get("/sized")
    async def sized(size: Annotated[int, Query(ge=1, le=500)]) -> int:
        return size

    @app.get("/fails/{how}")
    async def fails(how: str) -> None:
        raise {
            "definition": InvalidDefinition("broken", problems=(("kpi/unit", "is empty"),)),
            "freeze": NotFreezable("nothing to freeze"),
            "away": problems.DependencyUnavailable("ingest does not answer"),
            "silent": TimeoutError(),
            "refused": ConnectionRefusedError(111, "nobody listens"),
            "stopped": asyncpg.AdminShutdownError("the administrator says so"),
            "adapted": _adapted(asyncpg.CannotConnectNowError("the database starts up")),
        }.get(how, ZeroDivisionError("internal: secret"))

    return app


def _adapted(error: Exception) -> DBAPIError:
    """Wrap an error as SQLAlchemy does, below its adapter."""
    adapted = Exception()
    adapted.__cause__ = error
    return DBAPIError("select", None, adapted)


async def asked(method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(application(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/nope", 404, "there is no /nope; /openapi.json lists what there is"),
        ("PUT", "/sized", 405, "/sized does not take PUT, it takes GET"),
        ("GET", "/fails/definition", 422, "broken"),
        ("GET", "/fails/freeze", 409, "nothing to freeze"),
        ("GET", "/fails/away", 503, "ingest does not answer"),
        ("GET", "/fails/silent", 503, "PostgreSQL: TimeoutError, no answer in time"),
        (
            "GET",
            "/fails/refused",
            503,
            "PostgreSQL: ConnectionRefusedError, [Errno 111] nobody listens",
        ),
        (
            "GET",
            "/fails/stopped",
            503,
            "PostgreSQL: AdminShutdownError, the administrator says so",
        ),
        (
            "GET",
            "/fails/adapted",
            503,
            "PostgreSQL: CannotConnectNowError, the database starts up",
        ),
        ("GET", "/fails/otherwise", 500, "the service failed to answer; its log says why"),
    ],
)
async def test_a_refusal_says_what_was_asked_and_what_is_wrong(
    method: str, path: str, status: int, detail: str
) -> None:
    answer = await asked(method, path)

    assert answer.headers["content-type"] == PROBLEM_JSON
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.json()["detail"] == detail


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("size=900", "Input should be less than or equal to 500, got '900'"),
        ("size=" + "9x" * 100, "unable to parse string as an integer, got '9x9x"),
        ("", "Field required"),
    ],
)
async def test_a_field_that_breaks_its_contract_is_shown_with_its_value(
    query: str, message: str
) -> None:
    answer = await asked("GET", f"/sized?{query}")

    [found] = answer.json()["errors"]
    assert found["path"] == "query/size"
    assert message in found["message"]
    assert len(found["message"]) < 200


async def test_a_body_that_is_no_json_is_shown_where() -> None:
    app = application()

    @app.post("/named")
    async def named(body: dict[str, str]) -> int:
        return len(body)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answer = await client.post(
            "/named", content=b'{"a": ', headers={"content-type": "application/json"}
        )

    [found] = answer.json()["errors"]
    assert found == {"path": "body", "message": "is not JSON: Expecting value at character 6"}
