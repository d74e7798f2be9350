"""Files of definitions reach the two services that own them, once, and mistakes their author."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner

from aivalue.cli.apply import Applied, apply_command, apply_definitions
from aivalue.cli.definition_files import files_of
from aivalue.cli.definitions import InvalidDefinitions
from aivalue.cli.service_calls import CallFailed
from aivalue.cli.stored_definitions import drift_of, stored_definitions
from aivalue.kpis.change import Change, Difference
from tests.integration.baseline.harness import Service

EXAMPLES = Path(__file__).parents[3] / "examples"
RULE = """\
valuation_rules:
  - key: click-value
    initiative: recommender-men
    kpi: {kpi}
    name: Margin per click
    rate: 0.55
    currency: USD
    category: revenue
"""
app = typer.Typer()
app.command()(apply_command)


class FakeAttribution:
    """Stores valuation rules as the attribution service does: what is new is created."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            rules = [
                {"kind": "valuation_rule", "key": key, "body": body}
                for key, body in self.stored.items()
            ]
            return httpx.Response(200, json={"valuation_rules": rules, "next_cursor": None})
        changes = []
        for each in json.loads(request.content)["definitions"]:
            action = "none" if each["key"] in self.stored else "create"
            changes.append({**each, "action": action, "version": 1, "diff": []})
            del changes[-1]["body"]
            if request.url.path.endswith(":apply"):
                self.stored[each["key"]] = each["body"]
        return httpx.Response(200, json={"changes": changes})


@pytest.fixture
def attribution() -> FakeAttribution:
    return FakeAttribution()


@pytest.fixture
def transports(
    service: Service, attribution: FakeAttribution
) -> Mapping[str, httpx.AsyncBaseTransport]:
    return {
        "baseline": service.transport,
        "attribution": httpx.MockTransport(attribution.answer),
    }


async def apply(
    path: Path, service: Service, transports: Mapping[str, httpx.AsyncBaseTransport]
) -> Applied:
    return await apply_definitions(
        path, settings=service.settings, reason="test", transports=transports
    )


@pytest.mark.parametrize("example", ["open-bandit", "predictive-maintenance"])
async def test_an_example_is_applied_once_and_then_unchanged(
    service: Service, transports: Mapping[str, httpx.AsyncBaseTransport], example: str
) -> None:
    first = await apply(EXAMPLES / example, service, transports)
    again = await apply(EXAMPLES / example, service, transports)

    assert first.stored
    assert {each.action for each in first.changes} == {"create"}
    assert not again.stored
    assert {each.action for each in again.changes} == {"none"}


async def test_nothing_is_stored_where_the_plan_is_declined(
    service: Service, transports: Mapping[str, httpx.AsyncBaseTransport]
) -> None:
    seen: list[Change] = []

    def decline(planned: tuple[Change, ...]) -> bool:
        seen.extend(planned)
        return False

    applied = await apply_definitions(
        EXAMPLES / "open-bandit",
        settings=service.settings,
        reason="test",
        confirm=decline,
        transports=transports,
    )

    assert not applied.stored
    assert len(seen) == 9  # portfolio, process, KPI, three initiatives and their designs
    stored = (await service.client.get("/v1/definitions")).json()
    assert stored["definitions"] == []


async def test_a_rule_reaches_attribution_exactly(
    service: Service,
    attribution: FakeAttribution,
    transports: Mapping[str, httpx.AsyncBaseTransport],
    tmp_path: Path,
) -> None:
    await apply(EXAMPLES / "open-bandit", service, transports)
    (tmp_path / "rules.yaml").write_text(RULE.format(kpi="click-rate"))

    await apply(tmp_path, service, transports)

    assert attribution.stored["click-value"]["rate"] == "0.55"


async def test_a_rule_for_an_unknown_kpi_is_refused_with_its_line(
    service: Service, transports: Mapping[str, httpx.AsyncBaseTransport], tmp_path: Path
) -> None:
    await apply(EXAMPLES / "open-bandit", service, transports)
    (tmp_path / "rules.yaml").write_text(RULE.format(kpi="clicks"))

    with pytest.raises(InvalidDefinitions) as caught:
        await apply(tmp_path, service, transports)

    assert [str(each) for each in caught.value.found] == [
        f"{tmp_path}/rules.yaml:4:10: valuation_rules[0].kpi: there is no kpi 'clicks'"
    ]


async def test_what_the_service_refuses_comes_back_with_the_line(
    service: Service, transports: Mapping[str, httpx.AsyncBaseTransport], tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(
        "initiative: {key: i, portfolio: nothing, name: I, owner: O, stage: idea}\n"
        "design:\n  kpis: [x]\n  assignment: phased\n"
    )

    with pytest.raises(InvalidDefinitions) as caught:
        await apply(tmp_path, service, transports)

    assert [str(each).removeprefix(f"{tmp_path}/") for each in caught.value.found] == [
        "a.yaml:1:33: initiative.portfolio: there is no portfolio 'nothing'",
        "a.yaml:3:10: design.kpis[0]: there is no kpi 'x'",
    ]


async def test_a_service_that_is_away_is_named(service: Service) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(CallFailed, match=r"127\.0\.0\.1:8102 does not answer"):
        await apply(EXAMPLES / "open-bandit", service, {"baseline": httpx.MockTransport(refuse)})


def test_the_command_lists_every_problem_and_fails(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("portfolio: 1\nkpis: 2\n")

    result = CliRunner().invoke(app, ["-f", str(tmp_path), "--yes"])

    assert result.exit_code == 1
    assert "a.yaml:1:12: portfolio: needs fields" in result.stderr
    assert "a.yaml:2:7: kpis: needs a list" in result.stderr
    assert "2 problem(s); nothing was applied" in result.stderr


def test_the_command_says_when_the_file_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["-f", str(tmp_path / "none")])

    assert result.exit_code == 2


async def test_without_a_change_there_is_no_drift(
    service: Service, transports: Mapping[str, httpx.AsyncBaseTransport]
) -> None:
    await apply(EXAMPLES / "predictive-maintenance", service, transports)

    drift = await drift_of(
        EXAMPLES / "predictive-maintenance", settings=service.settings, transports=transports
    )

    assert (drift.changes, drift.unmanaged) == ((), ())


async def test_drift_shows_what_was_changed_and_added_elsewhere(
    service: Service,
    transports: Mapping[str, httpx.AsyncBaseTransport],
    maintenance: list[dict[str, Any]],
    tmp_path: Path,
) -> None:
    await service.apply(maintenance)
    stored = await stored_definitions(service.settings, transports=transports)
    for name, text in files_of(stored).items():
        (tmp_path / f"{name}.yaml").write_text(text)
    extra = maintenance[4] | {"key": "downtime-2026"}
    maintenance[0]["body"]["owner"] = "CFO"
    await service.apply([*maintenance, extra], reason="by hand")

    drift = await drift_of(tmp_path, settings=service.settings, transports=transports)

    [change] = drift.changes
    assert (change.kind, change.key) == ("portfolio", "plants")
    assert change.diff == (Difference(path="owner", before="CFO", after="COO"),)
    assert drift.unmanaged == (("target", "downtime-2026"),)


async def test_what_is_exported_applies_unchanged(
    service: Service, transports: Mapping[str, httpx.AsyncBaseTransport], tmp_path: Path
) -> None:
    await apply(EXAMPLES / "predictive-maintenance", service, transports)
    await apply(EXAMPLES / "open-bandit", service, transports)

    stored = await stored_definitions(service.settings, transports=transports)
    for name, text in files_of(stored).items():
        (tmp_path / f"{name}.yaml").write_text(text)
    again = await apply(tmp_path, service, transports)

    assert {each.action for each in again.changes} == {"none"}
