"""A baseline that a second person must agree to is frozen exactly as they saw it."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from aivalue.runtime.auth import digest_of
from aivalue.runtime.settings import AuthSettings, DatabaseSettings
from services.baseline.app import create_app
from services.baseline.settings import BaselineSettings
from tests.integration.baseline.harness import FakeIngest, Service, client_of
from tests.integration.baseline.test_freezing import REQUEST, year_of

Definitions = list[dict[str, Any]]
PEOPLE = {
    "ana": ["reader", "writer", "approver"],
    "ben": ["reader", "writer", "approver"],
    "eva": ["reader"],
}


@dataclass
class Office:
    """The service with three people who have tokens of their own."""

    clients: dict[str, httpx.AsyncClient]
    ingest: FakeIngest

    async def draft(self, who: str = "ana") -> httpx.Response:
        return await self.clients[who].post("/v1/baseline-drafts", json=REQUEST)

    async def review(self, who: str, draft: str, decision: str = "approved") -> httpx.Response:
        body = {"decision": decision, "comment": f"{who} looked at it"}
        return await self.clients[who].post(f"/v1/baseline-drafts/{draft}/reviews", json=body)

    async def freeze(self, who: str, draft: str) -> httpx.Response:
        return await self.clients[who].post(f"/v1/baseline-drafts/{draft}:freeze")


def freezes(outcome: str) -> float:
    labels = {"outcome": outcome}
    return REGISTRY.get_sample_value("aivalue_baseline_freezes_total", labels) or 0


@pytest.fixture
async def office(
    database_url: str, tmp_path: Path, maintenance: Definitions
) -> AsyncIterator[Office]:
    tokens = tmp_path / "tokens.json"
    tokens.write_text(
        json.dumps(
            [
                {"sha256": digest_of(name), "tenant": "acme", "subject": name, "roles": roles}
                for name, roles in PEOPLE.items()
            ]
        )
    )
    settings = BaselineSettings(
        database=DatabaseSettings(url=SecretStr(database_url)),
        auth=AuthSettings(mode="tokens", tokens_file=tokens),
        review_required=True,
    )
    ingest = FakeIngest(columns=year_of(2))
    app = create_app(settings, ingest_transport=ingest.transport())
    clients = {}
    for name in PEOPLE:
        clients[name] = client_of(app)
        clients[name].headers["authorization"] = f"Bearer {name}"
    body = {"definitions": maintenance, "reason": "first version"}
    applied = await clients["ana"].post("/v1/definitions:apply", json=body)
    assert applied.status_code == 200
    yield Office(clients=clients, ingest=ingest)
    for client in clients.values():
        await client.aclose()
    await app.state.ingest.close()
    await app.state.engine.dispose()


async def test_what_was_reviewed_is_frozen_byte_for_byte(office: Office) -> None:
    drafted = (await office.draft()).json()
    identity = drafted["baseline"]["baseline_id"]
    reviewed = (await office.review("ben", identity)).json()
    # Corrections that arrive meanwhile are not what ben agreed to.
    office.ingest.columns = year_of(2, downtime="99")

    frozen = await office.freeze("ana", identity)

    assert (drafted["status"], reviewed["status"]) == ("draft", "reviewed")
    assert frozen.status_code == 201
    body = frozen.json()
    assert (body["version"], body["status"], body["level"]) == (1, "frozen", "0.625")
    assert (body["drafted_by"], body["reviewed_by"], body["frozen_by"]) == ("ana", "ben", "ana")
    content = await office.clients["eva"].get(f"/v1/baselines/{identity}/content")
    assert hashlib.sha256(content.content).hexdigest() == drafted["baseline"]["sha256"]
    after = (await office.clients["eva"].get(f"/v1/baseline-drafts/{identity}")).json()
    assert (after["status"], after["baseline"]["version"]) == ("frozen", 1)


async def test_nobody_reviews_their_own_draft(office: Office) -> None:
    identity = (await office.draft("ana")).json()["baseline"]["baseline_id"]

    own = await office.review("ana", identity)
    unentitled = await office.review("eva", identity)
    frozen = await office.freeze("ana", identity)

    assert own.status_code == 409
    assert own.json()["detail"] == "ana drafted it: a second person must review"
    assert unentitled.status_code == 403
    assert frozen.status_code == 409
    assert frozen.json()["detail"] == "it is draft: a second person must approve it first"


async def test_a_rejected_draft_is_not_frozen(office: Office) -> None:
    identity = (await office.draft()).json()["baseline"]["baseline_id"]
    await office.review("ben", identity, "rejected")

    frozen = await office.freeze("ana", identity)

    assert frozen.status_code == 409
    assert frozen.json()["detail"] == "it is rejected: a second person must approve it first"


async def test_the_freeze_of_a_draft_is_counted_once_it_is_agreed(office: Office) -> None:
    identity = (await office.draft()).json()["baseline"]["baseline_id"]
    before = {name: freezes(name) for name in ("refused", "created", "unchanged")}

    await office.freeze("ana", identity)
    await office.review("ben", identity)
    await office.freeze("ana", identity)
    await office.freeze("ana", identity)

    after = {name: freezes(name) - n for name, n in before.items()}
    assert after == {"refused": 1, "created": 1, "unchanged": 1}


async def test_a_person_reviews_once(office: Office) -> None:
    identity = (await office.draft()).json()["baseline"]["baseline_id"]
    await office.review("ben", identity, "rejected")

    again = await office.review("ben", identity, "approved")

    assert again.status_code == 409
    assert again.json()["detail"] == "ben has reviewed it before"


async def test_the_short_way_is_closed_where_review_is_required(office: Office) -> None:
    refused = await office.clients["ana"].post("/v1/baselines", json=REQUEST)

    assert refused.status_code == 409
    assert "baseline-drafts" in refused.json()["detail"]


async def test_a_draft_of_an_old_kpi_version_is_drafted_again(
    office: Office, maintenance: Definitions
) -> None:
    identity = (await office.draft()).json()["baseline"]["baseline_id"]
    await office.review("ben", identity)
    maintenance[3]["body"]["name"] = "Unplanned downtime, renamed"
    body = {"definitions": maintenance, "reason": "clearer name"}
    await office.clients["ana"].post("/v1/definitions:apply", json=body)

    refused = await office.freeze("ana", identity)

    assert refused.status_code == 409
    assert "draft it again" in refused.json()["detail"]


async def test_the_same_content_is_one_draft_and_one_baseline(office: Office) -> None:
    first = await office.draft()
    second = await office.draft("ben")
    identity = first.json()["baseline"]["baseline_id"]
    await office.review("ben", identity)
    frozen = await office.freeze("ana", identity)

    again = await office.freeze("ana", identity)

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert (frozen.status_code, again.status_code) == (201, 200)
    assert again.json() == frozen.json()
    listed = (await office.clients["eva"].get("/v1/baseline-drafts")).json()
    assert [each["status"] for each in listed["drafts"]] == ["frozen"]


async def test_where_nobody_shows_a_token_two_names_are_two_persons(
    service: Service, maintenance: Definitions
) -> None:
    service.ingest.columns = year_of(2)
    await service.apply(maintenance)
    draft = (await service.client.post("/v1/baseline-drafts", json=REQUEST)).json()
    path = f"/v1/baseline-drafts/{draft['baseline']['baseline_id']}"
    agreed = {"decision": "approved", "comment": "checked coverage"}

    alone = await service.client.post(f"{path}/reviews", json=agreed)
    second = await service.client.post(
        f"{path}/reviews", json=agreed, headers={"aivalue-subject": "erika"}
    )
    odd = await service.client.get(path, headers={"aivalue-subject": "erika <x>"})

    assert (alone.status_code, second.status_code, odd.status_code) == (409, 201, 400)
    assert (await service.client.post(f"{path}:freeze")).json()["reviewed_by"] == "erika"


async def test_pages_of_drafts_join_to_the_whole(
    service: Service, maintenance: Definitions
) -> None:
    await service.apply(maintenance)
    drafted = []
    for minutes in ("5", "6", "7"):
        service.ingest.columns = year_of(2, downtime=minutes)
        draft = (await service.client.post("/v1/baseline-drafts", json=REQUEST)).json()
        drafted.append(draft["baseline"]["baseline_id"])

    paged, cursor = [], ""
    while cursor is not None:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await service.client.get("/v1/baseline-drafts", params=params)).json()
        paged.append([each["baseline"]["baseline_id"] for each in page["drafts"]])
        cursor = page["next_cursor"]

    assert paged == [[drafted[2], drafted[1]], [drafted[0]]]
    for odd in ("", "x", "2024-01-01/x", "2024-01-01T00:00:00Z/X", "2024-01-01T00:00:00Z"):
        refused = await service.client.get("/v1/baseline-drafts", params={"cursor": odd})
        assert refused.status_code == 422, odd
