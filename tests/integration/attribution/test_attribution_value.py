"""Money follows from effects, rules and costs; what has no price is said to have none."""

from decimal import Decimal
from typing import Any

import pytest

from tests.integration.attribution.harness import Service
from tests.integration.attribution.world import INITIATIVE, KPI, RULE, cost, definition

# 2 defects less on 12 machines over 92 days, at 10 EUR each.
GROSS = Decimal(22_080)


async def test_value_is_rate_times_effect_net_of_cost(service: Service) -> None:
    await service.apply()
    service.peers.costs = [cost(1, month=2, amount="1000"), cost(2, month=4, amount="2000.50")]
    await service.run()

    answer = await service.get(f"/v1/initiatives/{INITIATIVE}/value")

    assert answer["priced"] is True
    assert answer["currency"] == "EUR"
    assert answer["unpriced"] == []
    value = answer["value"]
    assert Decimal(value["benefit"]["point"]) == GROSS
    assert Decimal(value["net"]["point"]) == GROSS - Decimal("3000.50")
    assert Decimal(value["benefit"]["low"]) <= GROSS <= Decimal(value["benefit"]["high"])
    # Grade B: a tenth is taken off gains.
    assert Decimal(value["benefit"]["risk_adjusted"]) == GROSS * Decimal("0.9")
    assert value["cost"]["total"] == "3000.50"
    assert answer["cost_not_measured"] == "0"
    assert [month["month"] for month in value["months"]] == [
        "2024-02-01",
        "2024-03-01",
        "2024-04-01",
        "2024-05-01",
    ]
    # ROI = (22,080 - 3,000.50) / 3,000.50
    assert Decimal(value["roi"]["value"]) == pytest.approx(Decimal("6.358774"))


async def test_costs_after_the_last_measured_month_wait_for_their_value(service: Service) -> None:
    await service.apply()
    service.peers.costs = [cost(1, month=2, amount="1000"), cost(2, month=7, amount="500")]
    await service.run()

    answer = await service.get(f"/v1/initiatives/{INITIATIVE}/value")

    assert answer["value"]["cost"]["total"] == "1000.00"
    assert answer["cost"]["total"] == "1500.00"
    assert answer["cost_not_measured"] == "500"


async def test_without_a_rule_there_is_no_value(service: Service) -> None:
    await service.run()

    answer = await service.get(f"/v1/initiatives/{INITIATIVE}/value")

    assert answer["priced"] is False
    assert answer["value"] is None
    assert answer["unpriced"] == [
        {"kpi": KPI, "rule": None, "reason": f"no valuation rule prices {KPI}"}
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"currency": "USD"}, "in USD, the portfolio reports in EUR"),
        ({"kpi": "scrap-rate"}, "which the design does not measure"),
    ],
    ids=["another currency", "another KPI"],
)
async def test_a_rule_that_cannot_be_applied_is_named(
    service: Service, body: dict[str, str], reason: str
) -> None:
    await service.apply({**RULE, "body": {**RULE["body"], **body}})
    await service.run()

    answer = await service.get(f"/v1/initiatives/{INITIATIVE}/value")

    assert answer["priced"] is False
    assert answer["unpriced"][0]["rule"] == RULE["key"]
    assert reason in answer["unpriced"][0]["reason"]


async def test_costs_in_another_currency_are_not_added_up(service: Service) -> None:
    await service.apply()
    service.peers.costs = [cost(1, month=3, amount="10", currency="USD")]
    await service.run()

    answer = await service.get(f"/v1/initiatives/{INITIATIVE}/value")

    assert answer["priced"] is False
    assert "USD" in answer["reason"]
    assert (answer["value"], answer["cost"]) == (None, None)


async def test_a_priced_kpi_beside_a_refused_one_is_valued_and_the_other_named(
    service: Service,
) -> None:
    service.peers.programme["kpis"].append(
        definition("kpi", "rework", process="moulding", name="Rework", unit="min",
                   better_when="lower", aggregation="mean")
    )  # fmt: skip
    design = service.peers.programme["design"]["body"]
    service.peers.programme["design"] = definition(
        "design", INITIATIVE, **{**design, "key": INITIATIVE, "kpis": [KPI, "rework"]}
    )
    rework = {**RULE, "key": "inspection-rework", "body": {**RULE["body"], "kpi": "rework"}}
    await service.apply(RULE, rework)

    run = (await service.run()).json()
    answer = await service.get(f"/v1/initiatives/{INITIATIVE}/value")

    assert run["status"] == "completed"
    assert answer["priced"] is True
    assert Decimal(answer["value"]["benefit"]["point"]) == GROSS
    (left_out,) = answer["unpriced"]
    assert (left_out["kpi"], left_out["rule"]) == ("rework", "inspection-rework")


async def test_benefits_are_the_months_of_the_value(service: Service) -> None:
    await service.apply()
    run = (await service.run()).json()

    first = await service.get("/v1/benefits", initiative=INITIATIVE, limit=2)
    rest = await service.get(
        "/v1/benefits", initiative=INITIATIVE, limit=2, cursor=first["next_cursor"]
    )
    revenue = await service.get("/v1/benefits", initiative=INITIATIVE, category="revenue")

    benefits: list[dict[str, Any]] = first["benefits"] + rest["benefits"]
    assert rest["next_cursor"] is None
    assert revenue["benefits"] == []
    assert [each["month"] for each in benefits] == ["2024-03-01", "2024-04-01", "2024-05-01"]
    assert round(sum(Decimal(each["point"]) for each in benefits), 6) == GROSS
    assert {each["run_id"] for each in benefits} == {run["run_id"]}
    assert {(each["status"], each["rule_version"], each["grade"]) for each in benefits} == {
        ("attributed", 1, "B")
    }


async def test_only_the_newest_run_answers(service: Service) -> None:
    await service.apply()
    await service.run()
    await service.apply({**RULE, "body": {**RULE["body"], "rate": "20"}}, reason="new price")

    run = (await service.run()).json()
    benefits = (await service.get("/v1/benefits", initiative=INITIATIVE))["benefits"]
    value = await service.get(f"/v1/initiatives/{INITIATIVE}/value")

    assert {each["run_id"] for each in benefits} == {run["run_id"]}
    assert {each["rule_version"] for each in benefits} == {2}
    assert Decimal(value["value"]["benefit"]["point"]) == 2 * GROSS


async def test_a_cursor_that_is_none_is_refused(service: Service) -> None:
    response = await service.client.get("/v1/benefits", params={"cursor": "tomorrow"})

    assert response.status_code == 422
