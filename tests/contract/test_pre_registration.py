"""Whether what baseline recorded before go-live binds the figure that attribution reads later."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.baseline.routes import baselines as freezing_routes
from services.baseline.routes import definitions
from tests.contract.system import System, send
from tests.integration.attribution import world

BEFORE_GO_LIVE = datetime(2023, 12, 1, 8, tzinfo=UTC)
DAY_BEFORE = datetime(2024, 2, 29, 8, tzinfo=UTC)
ABOUT = {"initiative": world.INITIATIVE}


async def applied(system: System, *told: dict[str, Any]) -> None:
    wanted = [{name: each[name] for name in ("kind", "key", "body")} for each in told]
    answer = await system.baseline.post(
        "/v1/definitions:apply", json={"definitions": wanted, "reason": "test"}
    )
    assert answer.status_code == 200, answer.text


async def read(system: System) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run, and return the effect and its check of the registration."""
    run = await system.attribution.post("/v1/runs", json=ABOUT)
    assert run.status_code == 201, run.text
    (effect,) = (await system.attribution.get("/v1/effects", params=ABOUT)).json()["effects"]
    (check,) = [each for each in effect["checks"] if each["name"] == "pre_registration"]
    return effect, check


@pytest.mark.parametrize(
    ("field", "later"),
    [
        ("looks", ["2024-04-01", "2024-05-01"]),
        ("measured", {"start": "2024-03-01", "end": "2024-05-01"}),
        ("units", [*world.TREATED[1:], *world.CONTROLS]),
        ("confidence", 0.9),
        ("planned_subjects", 500),
        ("expected_sizes", {world.KPI: 0.5}),
        ("steady_by", "Ana, who runs the line"),
    ],
)
async def test_a_design_changed_after_the_fact_demotes_the_grade(
    system: System, monkeypatch: pytest.MonkeyPatch, field: str, later: Any
) -> None:
    programme = world.programme()
    # The store is append-only, so that nothing can be dated back in it: the clock is, once.
    with monkeypatch.context() as early:
        early.setattr(definitions, "utc_now", lambda: BEFORE_GO_LIVE)
        await applied(
            system,
            programme["portfolio"],
            programme["initiative"],
            *programme["processes"],
            *programme["kpis"],
            programme["design"],
        )
        await send(system)
        early.setattr(freezing_routes, "utc_now", lambda: DAY_BEFORE)
        frozen = await system.baseline.post(
            "/v1/baselines",
            json={
                **ABOUT,
                "kpi": world.KPI,
                "start": "2024-01-01",
                "end": "2024-02-29",
                "reason": "test",
            },
        )
        assert frozen.status_code == 201, frozen.text

    as_registered, kept = await read(system)
    changed = {**programme["design"], "body": {**programme["design"]["body"], field: later}}
    await applied(system, changed)
    as_changed, broken = await read(system)

    assert kept["status"] == "passed"
    assert "version 1 of the design" in kept["detail"]
    assert "recorded 2023-12-01T08:00:00+00:00, before 2024-03-01" in kept["detail"]
    assert broken["status"] == "failed"
    assert f"changed since: {field}" in broken["detail"]
    assert (as_registered["grade"], as_changed["grade"]) == ("B", "C")
    assert any("pre_registration" in reason for reason in as_changed["grade_reasons"])
