"""Whoever edits the store past its triggers is found out, row by row."""

from typing import Any

import asyncpg
import pytest

from tests.integration.baseline.harness import Service
from tests.integration.baseline.test_freezing import REQUEST, year_of

Definitions = list[dict[str, Any]]


@pytest.fixture
async def frozen(service: Service, maintenance: Definitions) -> str:
    service.ingest.columns = year_of(2)
    await service.apply(maintenance)
    strike = {"start": "2023-05-01", "end": "2023-05-02", "reason": "strike"}
    answer = await service.client.post("/v1/baselines", json=REQUEST | {"exclusions": [strike]})
    return str(answer.json()["baseline_id"])


async def tamper(service: Service, table: str, assignment: str) -> None:
    """Edit as a superuser who drops the protection first."""
    connection = await asyncpg.connect(service.database)
    await connection.execute(f"alter table baseline.{table} disable trigger all")
    statement = f"update baseline.{table} set {assignment}"  # noqa: S608 - literals of this file
    done = await connection.execute(statement)
    await connection.close()
    assert done != "UPDATE 0"


async def faults(service: Service) -> list[dict[str, str]]:
    answer = await service.client.get("/v1/verification")
    assert answer.status_code == 200
    found: list[dict[str, str]] = answer.json()["faults"]
    return found


async def test_an_untouched_store_has_no_fault(service: Service, frozen: str) -> None:
    answer = (await service.client.get("/v1/verification")).json()

    assert answer == {"n_baselines": 1, "n_definitions": 6, "faults": []}


@pytest.mark.parametrize("byte", [0, 1_000, 10_000])
async def test_any_byte_of_the_content_counts(service: Service, frozen: str, byte: int) -> None:
    flipped = f"content = set_byte(content, {byte}, get_byte(content, {byte}) # 1)"
    await tamper(service, "baseline_content", flipped)

    [fault] = await faults(service)

    assert fault["row"] == f"baseline {frozen}"
    assert "the content hashes to" in fault["fault"]


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("level = 0.7", "level follows as 0.625, recorded is 0.7"),
        ("n = 1", "n follows as 728, recorded is 1"),
        ("initiative = 'x'", "initiative is maintenance in the content, recorded is x"),
        ("end_day = '2023-12-31'", "end is 2024-01-01 in the content, recorded is 2023-12-31"),
        ("sha256 = repeat('0', 64)", "the content hashes to"),
        ("exclusions = '[]'", "exclusions is"),
    ],
)
async def test_any_recorded_figure_counts(
    service: Service, frozen: str, assignment: str, expected: str
) -> None:
    await tamper(service, "baselines", assignment)

    assert any(expected in each["fault"] for each in await faults(service))


async def test_an_edited_definition_is_named(service: Service, frozen: str) -> None:
    await tamper(
        service,
        "definitions",
        "body = jsonb_set(body, '{amount}', '\"0.9\"') where kind = 'target'",
    )

    assert await faults(service) == [
        {"row": "target downtime-2025 v1", "fault": "the body does not hash to its digest"}
    ]
