"""What attribution answers keeps the shape that its readers were built on.

The answers are kept in `answers/`; each place of a kept one must be there still, holding the same
kind of value. After a deliberate change: `python -m pytest FILE --keep-answers`, and say so in the
changelog.
"""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from aivalue.effects.document import effect_from_document
from aivalue.reports.evidence import Evidence
from aivalue.reports.value_report import ValueReport
from aivalue.runtime.settings import AuthSettings, DatabaseSettings
from services.attribution.routes.answers import EffectsResponse, ValueResponse
from services.attribution.settings import AttributionSettings
from tests.integration.attribution.harness import Service, service_of
from tests.integration.attribution.world import INITIATIVE, Peers, cost

KEPT = Path(__file__).parent / "answers"


@pytest.fixture
async def asked(database_url: str, unique: str) -> AsyncIterator[Service]:
    """Yield the service with one completed run, priced and with costs."""
    settings = AttributionSettings(
        database=DatabaseSettings(url=SecretStr(database_url)),
        auth=AuthSettings(mode="open", open_tenant=unique),
    )
    peers = Peers()
    peers.freeze()
    peers.costs = [cost(1, month=2, amount="1000")]
    async with service_of(settings, peers) as service:
        await service.apply()
        await service.run()
        yield service


async def answers(service: Service) -> dict[str, Any]:
    """Ask everything that other programs ask."""
    (run,) = (await service.get("/v1/runs", initiative=INITIATIVE))["runs"]
    about = {"initiative": INITIATIVE}
    found = {
        "run": await service.get(f"/v1/runs/{run['run_id']}"),
        "effects": await service.get("/v1/effects", **about),
        "value": await service.get(f"/v1/initiatives/{INITIATIVE}/value"),
        "benefits": await service.get("/v1/benefits", **about),
        "valuation-rules": await service.get("/v1/valuation-rules", **about),
        "initiatives": await service.get("/v1/initiatives"),
    }
    service.peers.interventions = []
    await service.run()
    found["effects-refused"] = await service.get("/v1/effects", **about)
    found["value-refused"] = await service.get(f"/v1/initiatives/{INITIATIVE}/value")
    return found


async def test_every_place_of_a_kept_answer_is_there_still(
    asked: Service, pytestconfig: pytest.Config
) -> None:
    found = await answers(asked)

    if pytestconfig.getoption("--keep-answers", default=False):
        KEPT.mkdir(exist_ok=True)
        for name, answer in found.items():
            text = json.dumps(answer, indent=1, sort_keys=True)
            (KEPT / f"{name}.json").write_text(text + "\n")
    kept = {path.stem: json.loads(path.read_text()) for path in KEPT.glob("*.json")}
    assert set(kept) == set(found)
    for name, answer in kept.items():
        assert _lost(answer, found[name]) == [], name


async def test_reports_read_what_is_served(asked: Service) -> None:
    found = await answers(asked)

    (confirmed,) = [Evidence.model_validate(each) for each in found["effects"]["effects"]]
    (refused,) = [Evidence.model_validate(each) for each in found["effects-refused"]["effects"]]
    value = ValueReport.model_validate(found["value"]["value"])
    vector = effect_from_document(found["run"]["outputs"]["effects"][0]["effect"])

    for name in ("effects", "effects-refused"):
        EffectsResponse.model_validate(found[name])
    for name in ("value", "value-refused"):
        ValueResponse.model_validate(found[name])
    assert confirmed.average is not None
    assert refused.average is None
    assert value.currency == "EUR"
    assert vector.point == pytest.approx((-2, -2, -2))


def _lost(before: object, now: object) -> list[tuple[str, str]]:
    """List the places that are gone or hold something else; where null is possible it may stand."""
    kinds: dict[str, set[str]] = {}
    for path, kind in _places(now):
        kinds.setdefault(path, {"null"}).add(kind)
    return [
        (path, kind)
        for path, kind in _places(before)
        if path not in kinds or (kind not in kinds[path] and kinds[path] != {"null"})
    ]


def _places(value: object, path: str = "$") -> Iterator[tuple[str, str]]:
    """Yield every place of a JSON document with the kind of value that stands there."""
    if isinstance(value, dict):
        yield path, "object"
        for name, each in value.items():
            yield from _places(each, f"{path}.{name}")
    elif isinstance(value, list):
        yield path, "array"
        for each in value:
            yield from _places(each, f"{path}[]")
    else:
        numbers = (int, float)
        kind = "number" if isinstance(value, numbers) else type(value).__name__
        yield path, "null" if value is None else kind
