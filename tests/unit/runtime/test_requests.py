"""What a request is held to before its route: a body that fits, parameters that exist."""

import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from aivalue.runtime.application import create_application
from aivalue.runtime.settings import RuntimeSettings

router = APIRouter(prefix="/v1")


@router.get("/figures")
async def figures(initiative: str | None = None) -> str | None:
    return initiative


@router.get("/all")
async def everything() -> str:
    return "all"


@router.post("/figures")
async def stored(body: dict[str, str]) -> int:
    return len(body)


@contextlib.asynccontextmanager
async def _nothing_runs(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    application = create_application(
        "test", RuntimeSettings(), summary="", routers=[router], checks={},
        lifespan=_nothing_runs, body_bytes_max=100,
    )  # fmt: skip
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as opened:
        yield opened


async def test_a_mistyped_filter_is_refused_and_not_answered_with_everything(
    client: httpx.AsyncClient,
) -> None:
    right = await client.get("/v1/figures?initiative=a")
    mistyped = await client.get("/v1/figures?intiative=a")
    superfluous = await client.get("/v1/all?x=1")

    assert (right.status_code, right.json()) == (200, "a")
    assert (mistyped.status_code, superfluous.status_code) == (422, 422)
    assert mistyped.json()["errors"] == [
        {
            "path": "query/intiative",
            "message": "is no parameter of /v1/figures; there are initiative",
        }
    ]
    assert "there is none" in superfluous.json()["errors"][0]["message"]


async def test_a_long_body_is_refused_while_it_arrives(client: httpx.AsyncClient) -> None:
    n_sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal n_sent
        for _ in range(1_000):
            n_sent += 1
            yield b" " * 10

    fits = await client.post("/v1/figures", json={"a": "b"})
    answer = await client.post(
        "/v1/figures", content=endless(), headers={"content-type": "application/json"}
    )

    assert fits.status_code == 200
    assert answer.status_code == 413
    assert answer.json()["detail"] == "the body has more than 100 bytes"
    assert n_sent == 11


async def test_head_is_answered_as_get_is_without_the_body(client: httpx.AsyncClient) -> None:
    for path, status in (("/livez", 200), ("/v1/all", 200), ("/v1/all?x=1", 422), ("/v1/no", 404)):
        got = await client.get(path)
        head = await client.head(path)

        assert (head.status_code, head.content) == (status, b"")
        assert head.headers == got.headers
    assert (await client.head("/v1/figures")).status_code == 200
