"""Who may do what: nobody without a token, no writing by readers, no tenant that a caller names."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aivalue.runtime.auth import digest_of
from aivalue.runtime.settings import AuthSettings
from services.attribution.settings import AttributionSettings
from tests.integration.attribution.harness import Service, service_of
from tests.integration.attribution.world import INITIATIVE, RULE, Peers

ROLES = {"reader": ["reader"], "writer": ["reader", "writer"], "service": ["reader", "service"]}


@pytest.fixture
async def guarded(
    settings: AttributionSettings, tmp_path: Path, unique: str
) -> AsyncIterator[Service]:
    """Yield the service with a token for each kind of caller: the token is its name."""
    tokens = [
        {"sha256": digest_of(name), "tenant": unique, "subject": name, "roles": roles}
        for name, roles in ROLES.items()
    ]
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps(tokens))
    auth = AuthSettings(mode="tokens", tokens_file=file, open_tenant=unique)
    peers = Peers()
    peers.freeze()
    async with service_of(settings.model_copy(update={"auth": auth}), peers) as service:
        yield service


def bearer(name: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name}", **more}


async def test_no_route_answers_without_a_token(guarded: Service) -> None:
    paths = [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, methods in guarded.app.openapi()["paths"].items()
        if path.startswith("/v1/")
        for method in methods
    ]

    statuses = {
        (method, path): (await guarded.client.request(method, path, json={})).status_code
        for method, path in paths
    }

    assert len(statuses) >= 11
    assert set(statuses.values()) == {401}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/runs", {"initiative": INITIATIVE}),
        ("/v1/valuation-rules:apply", {"definitions": [RULE], "reason": "mine"}),
    ],
)
async def test_a_reader_cannot_write(guarded: Service, path: str, body: dict[str, object]) -> None:
    refused = await guarded.client.post(path, json=body, headers=bearer("reader"))
    allowed = await guarded.client.post(path, json=body, headers=bearer("writer"))

    assert refused.status_code == 403
    assert allowed.status_code in {200, 201}


async def test_who_ran_it_stands_in_the_record(guarded: Service) -> None:
    run = await guarded.client.post(
        "/v1/runs", json={"initiative": INITIATIVE}, headers=bearer("writer")
    )

    assert run.json()["recorded_by"] == "writer"


async def test_only_a_service_names_the_tenant(guarded: Service) -> None:
    other = {"aivalue-tenant": "another"}
    await guarded.client.post("/v1/runs", json={"initiative": INITIATIVE}, headers=bearer("writer"))

    forbidden = await guarded.client.get("/v1/initiatives", headers=bearer("reader", **other))
    theirs = await guarded.client.get("/v1/initiatives", headers=bearer("service", **other))
    ours = await guarded.client.get("/v1/initiatives", headers=bearer("service"))

    assert forbidden.status_code == 403
    assert theirs.json()["initiatives"] == []
    assert [each["initiative"] for each in ours.json()["initiatives"]] == [INITIATIVE]
