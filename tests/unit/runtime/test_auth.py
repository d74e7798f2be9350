"""Who may call: tokens by digest, tenants from the token, a named tenant for services only."""

import json
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from aivalue.runtime import problems
from aivalue.runtime.auth import Authenticator, Operator, Reader, digest_of, new_token
from aivalue.runtime.settings import AuthSettings

READER, SERVICE = new_token(), new_token()


@pytest.fixture
def client(tmp_path: Path) -> httpx.AsyncClient:
    tokens = [
        {"sha256": digest_of(READER), "tenant": "acme", "subject": "ann", "roles": ["reader"]},
        {
            "sha256": digest_of(SERVICE),
            "tenant": "system",
            "subject": "attribution",
            "roles": ["reader", "service"],
        },
    ]
    path = tmp_path / "tokens.json"
    path.write_text(json.dumps(tokens))
    app = FastAPI()
    problems.install(app)
    app.state.authenticator = Authenticator(AuthSettings(mode="tokens", tokens_file=path))

    @app.get("/tenant")
    async def tenant(principal: Reader) -> str:
        return principal.tenant

    @app.get("/operate")
    async def operate(principal: Operator) -> str:
        return principal.subject

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def get(client: httpx.AsyncClient, path: str, token: str, **headers: str) -> httpx.Response:
    return await client.get(path, headers={"authorization": f"Bearer {token}", **headers})


async def test_the_tenant_is_the_tokens(client: httpx.AsyncClient) -> None:
    answer = await get(client, "/tenant", READER)

    assert (answer.status_code, answer.json()) == (200, "acme")


@pytest.mark.parametrize("token", ["", "wrong", digest_of(READER)], ids=["none", "wrong", "digest"])
async def test_an_unknown_token_is_401_with_a_problem(
    client: httpx.AsyncClient, token: str
) -> None:
    answer = await get(client, "/tenant", token)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_missing_role_is_403(client: httpx.AsyncClient) -> None:
    answer = await get(client, "/operate", READER)

    assert (answer.status_code, answer.json()["detail"]) == (403, "ann lacks the role operator")


async def test_only_a_service_acts_for_a_tenant_it_names(client: httpx.AsyncClient) -> None:
    refused = await get(client, "/tenant", READER, **{"aivalue-tenant": "globex"})
    allowed = await get(client, "/tenant", SERVICE, **{"aivalue-tenant": "globex"})

    assert refused.status_code == 403
    assert (allowed.status_code, allowed.json()) == (200, "globex")
