"""Definitions over HTTP stay consistent, versioned and unlost, on a real PostgreSQL."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from services.baseline.queries import definitions as queries
from tests.integration.baseline.harness import Service

Definitions = list[dict[str, Any]]


async def test_applying_twice_changes_nothing(service: Service, maintenance: Definitions) -> None:
    first = await service.apply(maintenance)

    second = await service.apply(maintenance)

    assert [each["action"] for each in first.json()["changes"]] == ["create"] * 6
    assert [each["action"] for each in second.json()["changes"]] == ["none"] * 6
    assert [each["version"] for each in second.json()["changes"]] == [1] * 6


async def test_the_scale_of_a_decimal_is_no_change(
    service: Service, maintenance: Definitions
) -> None:
    await service.apply(maintenance)
    maintenance[4]["body"]["amount"] = "0.3"

    again = await service.apply(maintenance)

    assert again.json()["changes"][4]["action"] == "none"


async def test_a_plan_shows_the_difference_and_writes_nothing(
    service: Service, maintenance: Definitions
) -> None:
    await service.apply(maintenance)
    maintenance[4]["body"]["amount"] = "0.25"

    body = {"definitions": maintenance, "reason": "the board asked"}
    planned = await service.client.post("/v1/definitions:plan", json=body)

    change = planned.json()["changes"][4]
    assert change["action"] == "change"
    assert change["version"] == 2
    assert change["diff"] == [{"path": "amount", "before": "0.3", "after": "0.25"}]
    stored = await service.client.get("/v1/definitions/target/downtime-2025")
    assert stored.json()["version"] == 1


async def test_a_broken_set_is_refused_whole_with_every_problem(
    service: Service, maintenance: Definitions
) -> None:
    maintenance[1]["body"]["portfolio"] = "plant"
    maintenance[3]["body"]["process"] = "nothing"
    maintenance[5]["body"]["baseline"]["end"] = "2024-01-02"

    refused = await service.apply(maintenance)

    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert {each["path"]: each["message"] for each in refused.json()["errors"]} == {
        "definitions/1/body/portfolio": "there is no portfolio 'plant'; did you mean plants?",
        "definitions/3/body/process": "there is no process 'nothing'",
        "definitions/5/body/baseline/end": (
            "a baseline ends before go-live (2024-01-01), this one on 2024-01-02"
        ),
    }
    assert (await service.client.get("/v1/definitions")).json()["definitions"] == []


async def test_a_field_problem_names_the_nearest_field(service: Service) -> None:
    wrong = [{"kind": "process", "key": "p", "body": {"name": "P", "unit_of_analysi": "line"}}]

    refused = await service.apply(wrong)

    messages = {each["path"]: each["message"] for each in refused.json()["errors"]}
    assert messages == {
        "definitions/0/body/unit_of_analysis": "unit_of_analysis is missing",
        "definitions/0/body/unit_of_analysi": (
            "unknown field 'unit_of_analysi'; did you mean unit_of_analysis?"
        ),
    }


async def test_a_change_that_breaks_a_stored_definition_is_refused(
    service: Service, maintenance: Definitions
) -> None:
    await service.apply(maintenance)
    earlier = [maintenance[1] | {"body": maintenance[1]["body"] | {"go_live": "2023-06-01"}}]

    refused = await service.apply(earlier)

    assert refused.json()["errors"] == [
        {
            "path": "design/maintenance/baseline/end",
            "message": "a baseline ends before go-live (2023-06-01), this one on 2024-01-01",
        }
    ]


async def test_history_says_who_changed_what_and_why(
    service: Service, maintenance: Definitions
) -> None:
    await service.apply(maintenance)
    maintenance[4]["body"]["amount"] = "0.25"
    await service.apply(maintenance, reason="the board asked")

    answer = await service.client.get("/v1/definitions/target/downtime-2025/history")

    versions = answer.json()["versions"]
    assert [each["version"] for each in versions] == [2, 1]
    assert [each["reason"] for each in versions] == ["the board asked", "first version"]
    assert [each["recorded_by"] for each in versions] == ["local", "local"]
    assert [each["body"]["amount"] for each in versions] == ["0.25", "0.3"]


async def test_put_needs_and_checks_the_etag(service: Service, maintenance: Definitions) -> None:
    await service.apply(maintenance)
    path = "/v1/definitions/portfolio/plants"
    read = await service.client.get(path)
    change = {"body": maintenance[0]["body"] | {"owner": "CFO"}, "reason": "handed over"}

    blind = await service.client.put(path, json=change)
    stale = await service.client.put(path, json=change, headers={"if-match": '"7"'})
    fresh = await service.client.put(path, json=change, headers={"if-match": read.headers["etag"]})
    create = await service.client.put(path, json=change, headers={"if-none-match": "*"})

    assert (blind.status_code, stale.status_code, create.status_code) == (428, 412, 412)
    assert fresh.status_code == 200
    assert fresh.headers["etag"] == '"2"'
    assert fresh.json()["body"]["owner"] == "CFO"


async def test_of_fifty_writers_none_overwrites_another(
    service: Service, maintenance: Definitions
) -> None:
    await service.apply(maintenance)
    path = "/v1/definitions/process/upkeep"

    refused = []

    async def add(line: int) -> None:
        """Add one GL key, reading again whenever somebody else was faster.

        All begin at once; who comes late then waits a little, or all would ask for one to get on.
        """
        while True:
            read = await service.client.get(path)
            body = read.json()["body"]
            body["gl_keys"] = [*body["gl_keys"], f"gl-{line}"]
            written = await service.client.put(
                path,
                json={"body": body, "reason": f"writer {line}"},
                headers={"if-match": read.headers["etag"]},
            )
            if written.status_code == 200:
                return
            assert written.status_code == 412
            refused.append(line)
            await asyncio.sleep(0.05 * line)

    await asyncio.gather(*(add(line) for line in range(50)))

    last = (await service.client.get(path)).json()
    assert sorted(last["body"]["gl_keys"]) == sorted(f"gl-{line}" for line in range(50))
    assert last["version"] == 51
    # They did come in each other's way.
    assert refused


async def test_an_initiative_comes_with_all_it_is_defined_by(
    service: Service, maintenance: Definitions
) -> None:
    await service.apply(maintenance)

    answer = (await service.client.get("/v1/initiatives/maintenance")).json()
    initiatives = (await service.client.get("/v1/initiatives")).json()
    missing = await service.client.get("/v1/initiatives/chatbot")

    assert answer["portfolio"]["key"] == "plants"
    assert [each["key"] for each in answer["processes"]] == ["upkeep"]
    assert [each["key"] for each in answer["kpis"]] == ["downtime"]
    assert [each["key"] for each in answer["targets"]] == ["downtime-2025"]
    assert answer["design"]["body"]["confidence"] == 0.95
    assert [each["key"] for each in initiatives] == ["maintenance"]
    assert missing.status_code == 404


async def test_an_initiative_is_read_without_what_others_are_defined_by(
    service: Service, maintenance: Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Reporting reads every initiative: with all definitions for each it was their square.
    initiative, target = maintenance[1], maintenance[4]
    others = [
        each
        for n in range(50)
        for each in (
            {**initiative, "key": f"i{n}"},
            {**target, "key": f"t{n}", "body": {**target["body"], "initiative": f"i{n}"}},
        )
    ]
    await service.apply([*maintenance, *others])
    read: list[str] = []
    stored = queries._stored

    def counted(row: Any) -> queries.Stored:
        read.append(row.key)
        return stored(row)

    monkeypatch.setattr(queries, "_stored", counted)

    answer = await service.client.get("/v1/initiatives/maintenance")

    assert answer.status_code == 200, answer.text
    assert sorted(read) == sorted(each["key"] for each in maintenance)


async def test_pages_join_to_the_whole(service: Service, maintenance: Definitions) -> None:
    await service.apply(maintenance)

    keys, cursor = [], ""
    while cursor is not None:
        params = {"limit": "4"} | ({"cursor": cursor} if cursor else {})
        page = (await service.client.get("/v1/definitions", params=params)).json()
        keys += [(each["kind"], each["key"]) for each in page["definitions"]]
        cursor = page["next_cursor"]

    assert keys == sorted((each["kind"], each["key"]) for each in maintenance)


@pytest.mark.parametrize(
    "statement",
    [
        "update baseline.definitions set body = '{}'",
        "delete from baseline.definitions",
        "truncate baseline.definitions",
    ],
)
async def test_not_even_a_superuser_changes_a_version(
    service: Service, maintenance: Definitions, statement: str
) -> None:
    await service.apply(maintenance)
    superuser = await asyncpg.connect(service.database)
    await superuser.execute("set session_replication_role = replica")

    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await superuser.execute(statement)

    await superuser.close()


async def test_what_changed_waits_in_the_outbox(service: Service, maintenance: Definitions) -> None:
    await service.apply(maintenance)
    await service.apply(maintenance)

    connection = await asyncpg.connect(service.database)
    rows = await connection.fetch("select topic, value from baseline.outbox")
    await connection.close()

    [row] = rows
    event = json.loads(row["value"])
    assert row["topic"].endswith(".aivalue.value.v1")
    assert event["type"] == "aivalue.definitions.changed.v1"
    assert event["tenant"] == service.settings.auth.open_tenant
    assert len(event["data"]["changes"]) == 6
    assert event["data"]["initiatives"] == ["maintenance"]


async def test_readiness_follows_the_schema(service: Service) -> None:
    ready = await service.client.get("/readyz")

    assert ready.json() == {"status": "ok", "dependencies": {"postgres": "ok"}}


async def test_an_initiative_passes_one_gate_at_a_time(
    service: Service, maintenance: Definitions
) -> None:
    initiative = maintenance[1]
    initiative["body"] |= {"stage": "approved", "go_live": None}
    await service.apply(maintenance)

    skipped = await service.apply(
        [initiative | {"body": initiative["body"] | {"stage": "scale", "go_live": "2024-01-01"}}]
    )
    piloted = await service.apply(
        [initiative | {"body": initiative["body"] | {"stage": "pilot", "go_live": "2024-01-01"}}],
        reason="gate 2: the board, 3 December",
    )

    assert skipped.json()["errors"] == [
        {
            "path": "definitions/0/body/stage",
            "message": "approved cannot become scale: the next gate leads to pilot, stopped",
        }
    ]
    assert piloted.json()["changes"][0]["version"] == 2
