"""The `aivalue` commands on the real baseline and attribution: they read every answer they get."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aivalue.cli.answers import baselines as answers
from aivalue.cli.apply import Applied, apply_definitions
from aivalue.cli.baseline.drafts import show_draft
from aivalue.cli.baseline.findings import show_readiness
from aivalue.cli.baseline.showing import show_baseline, show_list
from aivalue.cli.definitions import InvalidDefinitions
from aivalue.cli.service_calls import CallFailed, Services, call, connected
from aivalue.runtime.settings import RuntimeSettings
from tests.contract.system import System, define, send
from tests.integration.attribution import world

EXAMPLES = Path(__file__).parents[2] / "examples"
SCOPE = {"initiative": world.INITIATIVE, "kpi": world.KPI, "reason": "before go-live"}


@asynccontextmanager
async def services_of(system: System) -> AsyncIterator[Services]:
    async with connected(RuntimeSettings(), transports=dict(system.peers)) as services:
        yield services


async def apply(system: System, path: Path) -> Applied:
    return await apply_definitions(
        path, settings=RuntimeSettings(), transports=dict(system.peers), reason="test"
    )


@pytest.mark.parametrize(
    ("example", "rules"), [("predictive-maintenance", True), ("open-bandit", False)]
)
async def test_the_examples_are_applied_once(system: System, example: str, *, rules: bool) -> None:
    first = await apply(system, EXAMPLES / example)
    again = await apply(system, EXAMPLES / example)

    assert first.stored
    assert {each.action for each in first.changes} == {"create"}
    assert ("valuation_rule" in {each.kind for each in first.changes}) is rules
    assert not again.stored
    assert again.n_changed == 0


async def test_a_refusal_is_shown_at_its_line(system: System, tmp_path: Path) -> None:
    text = (EXAMPLES / "predictive-maintenance" / "predictive-maintenance.yaml").read_text()
    rule = text[text.index("valuation_rules:") :]
    file = tmp_path / "rules.yaml"
    file.write_text(rule)

    with pytest.raises(InvalidDefinitions) as refused:
        await apply(system, file)

    assert str(file) in str(refused.value.found[0])


async def test_baselines_are_shown_as_frozen(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    await define(system)
    await send(system)
    async with services_of(system) as services:
        frozen = await call(
            services.baseline, "POST", "/v1/baselines", answers.Baseline, json=SCOPE
        )
        listed = await call(services.baseline, "GET", "/v1/baselines", answers.BaselinesPage)
        readiness = await call(
            services.baseline,
            "POST",
            "/v1/readiness",
            answers.Readiness,
            json=without_reason(SCOPE),
        )

    show_baseline(frozen)
    show_list(listed["baselines"])
    show_readiness(readiness)
    printed = capsys.readouterr().out

    assert frozen["sha256"] in printed
    assert "960 of 960 unit-days" in printed
    assert "reconstructed" in printed


async def test_a_draft_is_shown_with_its_review(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    await define(system)
    await send(system)
    async with services_of(system) as services:
        draft = await call(
            services.baseline, "POST", "/v1/baseline-drafts", answers.Draft, json=SCOPE
        )
        identity = draft["baseline"]["baseline_id"]
        with pytest.raises(CallFailed, match="second person"):
            await call(
                services.baseline,
                "POST",
                f"/v1/baseline-drafts/{identity}/reviews",
                answers.Draft,
                json={"decision": "approved", "comment": "my own"},
            )

    show_draft(draft, as_json=False)

    assert "draft, drafted by local" in capsys.readouterr().out


async def test_a_service_that_is_away_is_one_sentence(system: System) -> None:
    async with connected(RuntimeSettings(services={"baseline": "http://127.0.0.1:9"})) as services:  # type: ignore[arg-type]  # pydantic reads the group
        with pytest.raises(CallFailed, match="does not answer"):
            await call(services.baseline, "GET", "/v1/baselines", answers.BaselinesPage)


def without_reason(request: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name != "reason"}
