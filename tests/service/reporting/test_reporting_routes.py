"""Summaries over HTTP: before and after, effect with its interval, money as exact strings."""

import json
from pathlib import Path

import pytest

from aivalue.runtime.auth import digest_of
from aivalue.runtime.settings import AuthSettings, KafkaSettings
from tests.service.reporting.harness import NO_DATABASE, Service, service_of
from tests.service.reporting.world import TENANT, Peers, settings


@pytest.fixture
async def read(service: Service) -> Service:
    await service.refresh()
    return service


async def test_a_portfolio_shows_every_initiative_and_adds_what_has_a_value(
    read: Service,
) -> None:
    body = await read.get("/v1/summary")

    (portfolio,) = body["portfolios"]
    assert [each["initiative"] for each in portfolio["initiatives"]] == [
        "assistant",
        "forecast",
        "maintenance",
        "recommender",
    ]
    totals = portfolio["totals"]
    # 5,000 and -300; costs 1,000, 500, and 40 of the one that is not priced.
    assert totals["benefit"]["point"] == "4700.00"
    assert totals["cost"] == "1540.00"
    assert totals["net"]["point"] == "3160.00"
    assert totals["valued"] == ["assistant", "maintenance"]
    assert totals["unvalued"] == ["forecast", "recommender"]
    assert body["stale"] is False
    assert len(body["snapshot"]) == 64
    assert body["as_of"].endswith("Z")


async def test_an_initiative_shows_before_after_target_effect_grade_value_and_return(
    read: Service,
) -> None:
    body = await read.get("/v1/initiatives/maintenance/summary")
    summary = body["initiative"]
    downtime = summary["kpis"][0]

    assert downtime["before"] == "6.1"
    assert (downtime["after"], downtime["without_ai"]) == (3.84, 6.0)
    assert downtime["relative_effect"]["point"] == -0.36
    assert (downtime["grade"], downtime["verdict"]) == ("B", "confirmed")
    (target,) = downtime["targets"]
    assert (target["amount"], target["status"], target["met_at_low"]) == ("0.3", "met", False)
    value = summary["value"]
    assert value["benefit"] == {
        "point": "5000.00",
        "low": "4800.00",
        "high": "5200.00",
        "lower_bound": "4850.00",
        "risk_adjusted": "4500.00",
    }
    assert value["cost"]["total"] == "1000.00"
    assert value["net"]["point"] == "4000.00"
    assert value["roi"]["value"] == "4.000000"
    assert value["payback_months"]["value"] is not None
    assert summary["run_id"] == "run-1"


async def test_parts_are_shown_beside_the_whole_and_refused_ones_with_their_reason(
    read: Service,
) -> None:
    body = await read.get("/v1/initiatives/recommender/summary")

    men, women = body["scopes"]
    assert (men["scope"], men["relative"]["point"]) == ("men", -0.36)
    assert (women["average"], women["refusal"]) == (None, "12 events in the control arm, needs 100")
    assert body["initiative"]["value"] is None
    assert body["initiative"]["value_reason"] == "no rule prices clicks"
    assert body["initiative"]["cost"]["total"] == "40.00"


async def test_figures_that_are_about_to_change_say_why(read: Service) -> None:
    assistant = await read.get("/v1/initiatives/assistant/summary")
    maintenance = await read.get("/v1/initiatives/maintenance/summary")

    assert assistant["pending"] == "series handling changed"
    assert maintenance["pending"] is None


async def test_before_the_first_run_there_is_a_page_without_figures(read: Service) -> None:
    summary = (await read.get("/v1/initiatives/forecast/summary"))["initiative"]

    assert summary["value_reason"] == "it has not been estimated yet"
    assert [kpi["verdict"] for kpi in summary["kpis"]] == [None]


async def test_an_unknown_initiative_is_not_found(read: Service) -> None:
    response = await read.client.get("/v1/initiatives/unheard-of/summary")

    assert response.status_code == 404
    assert response.json()["detail"] == "there is no initiative 'unheard-of'"


async def test_the_process_has_metrics_of_its_own(read: Service) -> None:
    response = await read.client.get("/metrics")

    assert "aivalue_reporting_refreshes_total" in response.text
    assert "aivalue_net_value" not in response.text


async def test_the_contract_is_published(read: Service) -> None:
    paths = (await read.get("/openapi.json"))["paths"]

    assert set(paths) == {
        "/livez",
        "/readyz",
        "/metrics",
        "/metrics/business",
        "/v1/summary",
        "/v1/initiatives/{key}/summary",
    }


async def test_tokens_decide_whose_figures_are_seen(peers: Peers, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.json"
    holders = {
        "own": (TENANT, ["reader"]),
        "other": ("other", ["reader"]),
        "stranger": ("unserved", ["reader"]),
        "overseer": (TENANT, ["reader", "operator"]),
        "writer": (TENANT, ["writer"]),
    }
    tokens.write_text(
        json.dumps(
            [
                {"sha256": digest_of(name), "tenant": tenant, "subject": name, "roles": roles}
                for name, (tenant, roles) in holders.items()
            ]
        )
    )
    guarded = settings(
        database=NO_DATABASE,
        auth=AuthSettings(mode="tokens", tokens_file=tokens),
        kafka=KafkaSettings(tenants={TENANT: "", "other": "other."}),
    )

    async with service_of(peers, guarded) as service:
        await service.refresh(TENANT)
        await service.refresh("other")

        async def seen(token: str, **params: str) -> tuple[int, set[str]]:
            response = await service.client.get(
                "/metrics/business", params=params, headers={"authorization": f"Bearer {token}"}
            )
            tenants = {name for name in (TENANT, "other") if f'tenant="{name}"' in response.text}
            return response.status_code, tenants

        assert await seen("own") == (200, {TENANT})
        assert await seen("other") == (200, {"other"})
        assert await seen("overseer") == (200, {TENANT, "other"})
        assert await seen("overseer", tenant="other") == (200, {"other"})
        assert (await seen("own", tenant="other"))[0] == 404
        assert (await seen("stranger"))[0] == 404
        assert (await seen("writer"))[0] == 403
        assert (await seen("unknown"))[0] == 401
