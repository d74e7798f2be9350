"""Whoever edits the store past its triggers is found out, row by row."""

import hashlib
import json
from typing import Any

import asyncpg
import pytest

from aivalue.runtime.migrations import migrate
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

    assert answer["faults"] == []
    assert (answer["n_baselines"], answer["n_definitions"]) == (1, 6)
    # Six definitions, the stage that the initiative began in, then the baseline.
    assert answer["head"]["position"] == 8


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
        {
            "row": "definition target/downtime-2025@1",
            "fault": "is not what was recorded: its digest is another",
        },
        {"row": "target downtime-2025 v1", "fault": "the body does not hash to its digest"},
    ]


@pytest.mark.parametrize(
    ("table", "assignment", "row"),
    [
        ("baselines", "reconstructed = not reconstructed", "baseline"),
        ("baselines", "frozen_by = 'somebody else'", "baseline"),
        ("baselines", "reason = 'another'", "baseline"),
        ("definitions", "recorded_by = 'x' where kind = 'kpi'", "definition kpi/downtime@1"),
        ("definitions", "reason = 'x' where kind = 'kpi'", "definition kpi/downtime@1"),
    ],
)
async def test_who_and_why_are_sealed_too(
    service: Service, frozen: str, table: str, assignment: str, row: str
) -> None:
    await tamper(service, table, assignment)

    [fault] = await faults(service)

    assert fault["row"].startswith(row)
    assert fault["fault"] == "is not what was recorded: its digest is another"


async def execute(service: Service, *statements: str) -> None:
    """Work as a superuser past every trigger."""
    connection = await asyncpg.connect(service.database)
    for table in ("definitions", "chain"):
        await connection.execute(f"alter table baseline.{table} disable trigger all")
    for statement in statements:
        assert await connection.execute(statement) not in {"UPDATE 0", "DELETE 0", "INSERT 0 0"}
    await connection.close()


async def test_a_row_taken_out_is_missed(service: Service, frozen: str) -> None:
    await execute(service, "delete from baseline.definitions where kind = 'target'")

    assert await faults(service) == [
        {"row": "definition target/downtime-2025@1", "fault": "was recorded, and is gone"}
    ]


async def test_a_row_put_in_past_the_service_is_found(service: Service, frozen: str) -> None:
    await execute(
        service,
        "insert into baseline.definitions select tenant_id, kind, 'downtime-2026', version, body, "
        "sha256, valid_from, recorded_at, recorded_by, reason from baseline.definitions "
        "where kind = 'target'",
    )

    assert await faults(service) == [
        {
            "row": "definition target/downtime-2026@1",
            "fault": "is not in the chain: it was put in past the service",
        }
    ]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "update baseline.chain set digest = repeat('0', 64) where position = 3",
            "does not hash to its recorded hash",
        ),
        (
            "update baseline.chain set hash = repeat('0', 64) where position = 3",
            "does not hash to its recorded hash",
        ),
        (
            "delete from baseline.chain where position = 3",
            "is missing: the next entry has position 4",
        ),
    ],
)
async def test_an_edited_chain_does_not_hold(
    service: Service, frozen: str, statement: str, fault: str
) -> None:
    await execute(service, statement)

    assert {"row": "chain entry 3", "fault": fault} in await faults(service)


async def test_a_hash_kept_elsewhere_shows_a_chain_cut_short(service: Service, frozen: str) -> None:
    kept = (await service.client.get("/v1/verification")).json()["head"]["hash"]
    await execute(
        service,
        "delete from baseline.definitions where kind = 'target'",
        "delete from baseline.chain where position = 8",
        "delete from baseline.chain where subject like 'target/%'",
    )

    answer = await service.client.get("/v1/verification", params={"known_hash": kept})

    found = {each["row"]: each["fault"] for each in answer.json()["faults"]}
    assert found["chain"] == (
        f"holds no {kept}: it was cut or written anew since that was announced"
    )


async def test_one_unit_is_proven_without_the_others(service: Service, frozen: str) -> None:
    proof = (
        await service.client.get(f"/v1/baselines/{frozen}/proof", params={"unit": "L02"})
    ).json()

    # The documented recipe, with nothing of ours: a zero byte and the part's canonical JSON.
    text = json.dumps(proof["part"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(b"\x00" + text.encode()).hexdigest() == proof["leaf"]
    [beside] = proof["siblings"]
    assert beside["is_left"]
    node = b"\x01" + bytes.fromhex(beside["digest"]) + bytes.fromhex(proof["leaf"])
    assert hashlib.sha256(node).hexdigest() == proof["merkle_root"]
    stored = (await service.client.get(f"/v1/baselines/{frozen}")).json()
    assert stored["merkle_root"] == proof["merkle_root"]
    assert set(proof["part"]["columns"]["day"]) == set(stored["series"]["day"])


async def test_a_unit_that_was_not_frozen_has_no_proof(service: Service, frozen: str) -> None:
    refused = await service.client.get(f"/v1/baselines/{frozen}/proof", params={"unit": "L99"})

    assert refused.status_code == 404


async def test_what_was_there_before_the_chain_is_sealed_by_the_migration(
    service: Service, frozen: str
) -> None:
    connection = await asyncpg.connect(service.database)
    await connection.execute("drop table baseline.chain, baseline.gates")
    await connection.execute("alter table baseline.baselines drop column merkle_root")
    await connection.execute("update baseline.alembic_version set version_num = '0002'")
    await connection.close()

    await migrate(service.settings.database, "baseline")

    answer = (await service.client.get("/v1/verification")).json()
    assert answer["head"]["position"] == 7
    # Its content is of the second format and names a root that the old row did not hold.
    [fault] = answer["faults"]
    assert fault["fault"].startswith("merkle_root is ")
