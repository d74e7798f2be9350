"""Valuation rules: versioned, append-only, applied as a whole or not at all."""

import json

from tests.integration.attribution.harness import Service
from tests.integration.attribution.world import INITIATIVE, RULE


def with_body(**changes: str) -> dict[str, object]:
    return {**RULE, "body": {**RULE["body"], **changes}}


async def test_a_plan_says_what_applying_does_and_writes_nothing(service: Service) -> None:
    body = {"definitions": [RULE], "reason": "agreed"}

    planned = await service.client.post("/v1/valuation-rules:plan", json=body)
    stored = await service.get("/v1/valuation-rules", initiative=INITIATIVE)
    applied = await service.apply()

    assert planned.json() == applied.json()
    (change,) = planned.json()["changes"]
    assert (change["action"], change["version"]) == ("create", 1)
    assert {"path": "rate", "before": None, "after": "10"} in change["diff"]
    assert stored["valuation_rules"] == []


async def test_applying_the_same_again_changes_nothing(service: Service) -> None:
    await service.apply()

    again = await service.apply(with_body(rate="10.00"))

    assert [each["action"] for each in again.json()["changes"]] == ["none"]
    assert len(await service.sql("select 1 from attribution.valuation_rules")) == 1


async def test_a_change_is_a_new_version_and_the_old_one_stays(service: Service) -> None:
    await service.apply()

    changed = await service.apply(with_body(rate="12.5"), reason="price list of May")
    now = await service.get(f"/v1/valuation-rules/{RULE['key']}")
    first = await service.get(f"/v1/valuation-rules/{RULE['key']}", version=1)
    history = await service.get(f"/v1/valuation-rules/{RULE['key']}/history")

    (change,) = changed.json()["changes"]
    assert change["diff"] == [{"path": "rate", "before": "10", "after": "12.5"}]
    assert (now["version"], now["body"]["rate"]) == (2, "12.5")
    assert first["body"]["rate"] == "10"
    assert [each["reason"] for each in history["versions"]] == ["price list of May", "agreed"]


async def test_every_problem_is_named_and_nothing_is_stored(service: Service) -> None:
    body = {
        "definitions": [
            RULE,
            {**RULE, "key": "second", "body": {**RULE["body"], "rate": "-1", "curency": "EUR"}},
            {**RULE, "kind": "kpi"},
        ],
        "reason": "agreed",
    }

    response = await service.client.post("/v1/valuation-rules:apply", json=body)

    assert response.status_code == 422
    paths = {each["path"] for each in response.json()["errors"]}
    assert "definitions/1/body/curency" in paths
    assert "definitions/2/kind" in paths
    assert await service.sql("select 1 from attribution.valuation_rules") == []


async def test_a_rate_as_a_binary_number_is_refused(service: Service) -> None:
    response = await service.apply({**RULE, "body": {**RULE["body"], "rate": 0.1}})

    assert response.status_code == 422


async def test_changed_rules_make_their_initiative_stale_and_are_announced(
    service: Service,
) -> None:
    await service.run()

    await service.apply()
    (listed,) = (await service.get("/v1/initiatives"))["initiatives"]
    messages = await service.sql("select value from attribution.outbox order by outbox_id")

    assert listed["stale"] is True
    assert listed["stale_reason"] == "valuation rules changed"
    event = json.loads(messages[-1]["value"])
    assert event["type"] == "aivalue.valuation_rules.changed.v1"
    assert event["tenant"] == service.tenant
    assert event["data"]["initiatives"] == [INITIATIVE]


async def test_rules_are_listed_page_by_page(service: Service) -> None:
    rules = [{**RULE, "key": f"rule-{number}"} for number in range(3)]
    await service.apply(*rules)

    first = await service.get("/v1/valuation-rules", initiative=INITIATIVE, limit=2)
    second = await service.get(
        "/v1/valuation-rules", initiative=INITIATIVE, limit=2, cursor=first["next_cursor"]
    )

    keys = [each["key"] for each in first["valuation_rules"] + second["valuation_rules"]]
    assert keys == ["rule-0", "rule-1", "rule-2"]
    assert second["next_cursor"] is None


async def test_an_unknown_rule_is_404(service: Service) -> None:
    response = await service.client.get("/v1/valuation-rules/nothing")

    assert response.status_code == 404
