"""A run is the function of its inputs that the contract promises, through HTTP and PostgreSQL."""

import asyncio
import hashlib
import json

import asyncpg
import pytest

from tests.integration.attribution.harness import Service
from tests.integration.attribution.world import (
    CONTROLS,
    INITIATIVE,
    KPI,
    RULE,
    TREATED,
    columns_of_values,
    cost,
    definition,
    machine_values,
)

# Twelve machines with the AI on each of the 92 days from 1 March to 31 May.
MACHINE_DAYS = 12 * 92


async def test_a_run_finds_the_known_effect(service: Service) -> None:
    response = await service.run()
    answer = await service.get("/v1/effects", initiative=INITIATIVE, kpi=KPI)

    assert response.status_code == 201, response.text
    assert response.json()["status"] == "completed"
    assert answer["run_id"] == response.json()["run_id"]
    (effect,) = answer["effects"]
    assert effect["average"]["point"] == pytest.approx(-2)
    assert effect["total"]["point"] == pytest.approx(-2 * MACHINE_DAYS)
    assert effect["total"]["low"] <= effect["total"]["point"] <= effect["total"]["high"]
    assert [month["start"] for month in effect["months"]] == [
        "2024-03-01",
        "2024-04-01",
        "2024-05-01",
    ]
    assert [month["volume"] for month in effect["months"]] == [12 * 31, 12 * 30, 12 * 31]
    assert effect["verdict"] == "confirmed"
    assert (effect["n_treated"], effect["n_control"]) == (len(TREATED), len(CONTROLS))
    assert effect["baseline"]["version"] == 1
    assert effect["refusal"] is None
    assert "effect" not in effect


async def test_a_window_counts_the_months_inside_it(service: Service) -> None:
    await service.run()

    april = await service.get(
        "/v1/effects", initiative=INITIATIVE, start="2024-04-01", end="2024-05-01"
    )
    before = await service.get("/v1/effects", initiative=INITIATIVE, end="2024-01-01")

    (effect,) = april["effects"]
    assert effect["total"]["point"] == pytest.approx(-2 * 12 * 30)
    assert [month["start"] for month in effect["months"]] == ["2024-04-01"]
    (nothing,) = before["effects"]
    assert nothing["total"] is None
    assert nothing["verdict"] == "unverifiable"
    assert nothing["refusal"] is not None


async def test_equal_inputs_make_one_run(service: Service) -> None:
    first = await service.run()

    second = await service.run()

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert len(await service.sql("select 1 from attribution.runs")) == 1
    assert len(await service.sql("select 1 from attribution.outbox")) == 1


async def test_the_order_of_arrival_and_the_position_of_the_log_change_nothing(
    service: Service,
) -> None:
    service.peers.costs = [cost(1, month=2, amount="100"), cost(2, month=3, amount="50.0")]
    first = await service.run()

    service.peers.costs = [cost(2, month=3, amount="50.00"), cost(1, month=2, amount="100")]
    service.peers.interventions.reverse()
    service.peers.snapshots = ["6" * 64]
    second = await service.run()

    assert second.status_code == 200
    assert second.json()["run_id"] == first.json()["run_id"]


async def test_what_changes_back_gives_the_same_bytes_in_a_run_of_its_own(
    service: Service,
) -> None:
    first = (await service.run()).json()
    service.peers.costs = [cost(1, month=2, amount="100")]
    second = (await service.run()).json()
    service.peers.costs = []

    third = (await service.run()).json()
    listed = await service.get("/v1/runs", initiative=INITIATIVE)

    assert [first["number"], second["number"], third["number"]] == [1, 2, 3]
    assert second["output_hash"] != first["output_hash"]
    assert third["input_hash"] == first["input_hash"]
    assert third["output_hash"] == first["output_hash"]
    assert third["run_id"] != first["run_id"]
    assert [run["number"] for run in listed["runs"]] == [3, 2, 1]


async def test_a_run_explains_its_numbers(service: Service) -> None:
    await service.apply()
    run_id = (await service.run()).json()["run_id"]

    run = await service.get(f"/v1/runs/{run_id}")

    assert _sha256(run["inputs"]) == run["input_hash"]
    assert _sha256(run["outputs"]) == run["output_hash"]
    inputs = run["inputs"]
    assert inputs["design"]["version"] == 1
    assert inputs["kpis"][0]["sha256"] == service.peers.programme["kpis"][0]["sha256"]
    assert inputs["baselines"][KPI]["sha256"] == service.peers.baselines[KPI][0]["sha256"]
    assert inputs["valuation_rules"][0]["key"] == RULE["key"]
    assert inputs["series"][KPI]["n_rows"] == 16 * 152
    assert run["snapshot_id"] == "5" * 64
    assert {read["read"] for read in run["snapshots"]} == {
        "interventions",
        "costs",
        f"series/{KPI}",
    }
    (effect,) = run["outputs"]["effects"]
    assert effect["estimator"]
    assert effect["why"]
    assert effect["alternatives"]
    assert effect["checks"]
    assert len(effect["effect"]["covariance"]) == 3


async def test_rows_say_what_the_outputs_say(service: Service) -> None:
    await service.apply()
    run_id = (await service.run()).json()["run_id"]
    outputs = (await service.get(f"/v1/runs/{run_id}"))["outputs"]

    (effect,) = await service.sql("select * from attribution.effects")
    months = await service.sql("select * from attribution.effect_months order by start")
    checks = await service.sql("select name from attribution.checks order by name")

    (stored,) = outputs["effects"]
    assert effect["verdict"] == stored["verdict"]
    assert effect["covariance"] == stored["effect"]["covariance"]
    assert [row["point"] for row in months] == stored["effect"]["point"]
    assert [row["name"] for row in checks] == sorted(each["name"] for each in stored["checks"])


async def test_a_position_that_moves_is_read_again(service: Service) -> None:
    # Three answers of the first reading at three positions, then the log stands still.
    service.peers.snapshots = ["1" * 64, "2" * 64, "3" * 64, "4" * 64]

    run = (await service.run()).json()

    assert run["snapshot_id"] == "4" * 64
    assert service.peers.asked.count("/v1/costs") == 2


async def test_a_log_that_never_stands_still_is_recorded_as_it_was_read(service: Service) -> None:
    service.peers.snapshots = [f"{number:064}" for number in range(100)]

    run = (await service.run()).json()
    explained = await service.get(f"/v1/runs/{run['run_id']}")

    assert run["snapshot_id"] is None
    assert service.peers.asked.count("/v1/costs") == 2
    assert len({read["id"] for read in explained["snapshots"]}) == 3


async def test_a_refusal_is_stored_with_its_reason_and_is_not_zero(service: Service) -> None:
    await service.apply()
    service.peers.interventions = []
    service.peers.costs = [cost(1, month=2, amount="100")]

    run = (await service.run()).json()
    answer = await service.get("/v1/effects", initiative=INITIATIVE)
    value = await service.get(f"/v1/initiatives/{INITIATIVE}/value")

    assert run["status"] == "refused"
    (effect,) = answer["effects"]
    assert effect["refusal"]
    assert (effect["average"], effect["total"], effect["months"]) == (None, None, [])
    assert effect["grade"] is None
    assert value["priced"] is False
    assert value["value"] is None
    assert effect["refusal"] in value["reason"]
    assert value["cost"]["total"] == "100.00"
    assert [row["refusal"] for row in await service.sql("select * from attribution.effects")]
    assert await service.sql("select 1 from attribution.benefits") == []


async def test_too_few_measurements_are_refused(service: Service) -> None:
    service.peers.series = {KPI: columns_of_values({})}
    service.peers.baselines = {}

    run = (await service.run()).json()
    (effect,) = (await service.get("/v1/effects", initiative=INITIATIVE))["effects"]

    assert run["status"] == "refused"
    assert effect["verdict"] in {"below_sample_floor", "too_early", "unverifiable"}


async def test_a_baseline_that_is_not_what_was_frozen_is_refused(service: Service) -> None:
    head, content = service.peers.baselines[KPI]
    service.peers.baselines[KPI] = head, content.replace(b'"28', b'"29', 1)

    await service.run()
    (effect,) = (await service.get("/v1/effects", initiative=INITIATIVE))["effects"]

    assert effect["verdict"] == "unverifiable"
    assert head["sha256"] in effect["refusal"]


async def test_a_reconstructed_baseline_is_evidence_of_grade_c(service: Service) -> None:
    await service.run()
    (before,) = (await service.get("/v1/effects", initiative=INITIATIVE))["effects"]
    service.peers.freeze(reconstructed=True)

    await service.run()
    (after,) = (await service.get("/v1/effects", initiative=INITIATIVE))["effects"]

    assert before["grade"] == "B", before["grade_reasons"]
    assert after["grade"] == "C"
    assert after["average"] == before["average"]


@pytest.mark.parametrize(
    ("changed", "is_refused"),
    [({"name": "Defects found"}, False), ({"unit": "EUR"}, True)],
    ids=["another name", "another unit"],
)
async def test_a_baseline_holds_as_long_as_the_kpi_means_the_same(
    service: Service, changed: dict[str, str], *, is_refused: bool
) -> None:
    before = service.peers.programme["kpis"][0]
    service.peers.older[KPI, 1] = before
    service.peers.programme["kpis"] = [
        definition("kpi", KPI, version=2, **{**before["body"], "key": KPI, **changed})
    ]

    await service.run()
    (effect,) = (await service.get("/v1/effects", initiative=INITIATIVE))["effects"]

    assert (effect["refusal"] is not None) == is_refused
    assert effect["kpi_version"] == 2


async def test_an_unknown_initiative_is_404(service: Service) -> None:
    response = await service.client.post("/v1/runs", json={"initiative": "nobody"})

    assert response.status_code == 404
    assert "nobody" in response.json()["detail"]


async def test_an_initiative_without_a_design_says_so(service: Service) -> None:
    service.peers.programme["design"] = None

    response = await service.run()

    assert response.status_code == 409
    assert "no design" in response.json()["detail"]


@pytest.mark.parametrize(
    "path", [f"/v1/effects?initiative={INITIATIVE}", f"/v1/initiatives/{INITIATIVE}/value"]
)
async def test_before_the_first_run_there_is_no_answer(service: Service, path: str) -> None:
    response = await service.client.get(path)

    assert response.status_code == 404


@pytest.mark.parametrize("away", ["ingest", "baseline"])
async def test_a_service_that_is_away_stores_nothing(service: Service, away: str) -> None:
    service.peers.away.add(away)

    response = await service.run()
    service.peers.away.clear()
    again = await service.run()

    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert again.status_code == 201
    assert again.json()["number"] == 1


async def test_an_answer_that_cannot_be_read_is_no_answer(service: Service) -> None:
    service.peers.costs = [{**cost(1, month=2, amount="100"), "treatment": "lease"}]

    response = await service.run()

    assert response.status_code == 503
    assert "treatment" in response.json()["detail"]
    assert await service.sql("select 1 from attribution.runs") == []


async def test_a_run_is_stored_whole_or_not_at_all(service: Service) -> None:
    await service.apply()
    before = await service.sql("select count(*) as n from attribution.outbox")
    # The outbox row is the last write of the transaction: let it fail.
    await service.sql(
        "create function attribution.fail() returns trigger language plpgsql as "
        "$$ begin raise exception 'disk full'; end $$"
    )
    await service.sql(
        "create trigger fail before insert on attribution.outbox "
        "for each row execute function attribution.fail()"
    )

    response = await service.run()

    assert response.status_code == 500
    for table in ("runs", "effects", "effect_months", "checks", "benefits"):
        assert await service.sql("select 1 from attribution.TABLE".replace("TABLE", table)) == []
    assert await service.sql("select count(*) as n from attribution.outbox") == before


async def test_requests_at_the_same_time_make_one_run(service: Service) -> None:
    responses = await asyncio.gather(*(service.run() for _ in range(5)))

    statuses = sorted(response.status_code for response in responses)
    # Those that waited too long for the first are told to come back.
    assert statuses[0] in {200, 201}
    assert statuses.count(201) == 1
    assert set(statuses) <= {200, 201, 409}
    assert len(await service.sql("select 1 from attribution.runs")) == 1


@pytest.mark.parametrize(
    "table", ["valuation_rules", "runs", "effects", "effect_months", "checks", "benefits"]
)
async def test_evidence_cannot_change(service: Service, table: str) -> None:
    await service.apply()
    await service.run()
    assert await service.sql("select 1 from attribution.TABLE".replace("TABLE", table))

    for statement in (
        "update attribution.TABLE set tenant_id = tenant_id",
        "delete from attribution.TABLE",
        "truncate attribution.TABLE cascade",
        # What a superuser would try: switch triggers off for the session.
        "set session_replication_role = replica; delete from attribution.TABLE",
    ):
        connection = await asyncpg.connect(service.settings.database.url.get_secret_value())
        try:
            with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                await connection.execute(statement.replace("TABLE", table))
        finally:
            await connection.close()


async def test_a_text_that_its_digest_does_not_name_cannot_be_stored(service: Service) -> None:
    await service.run()

    with pytest.raises(asyncpg.CheckViolationError, match="outputs_are_hashed"):
        await service.sql(
            "insert into attribution.runs select tenant_id, 'forged', initiative, number + 1,"
            " status, input_hash, output_hash, inputs, '{}', snapshots, snapshot_id,"
            " code_version, recorded_at, recorded_by, reason from attribution.runs"
        )


async def test_a_tenant_sees_its_own_runs_only(service: Service) -> None:
    await service.run()
    own = (await service.run()).json()["run_id"]

    await service.sql(
        "insert into attribution.runs select 'other', 'theirs', initiative, number, status,"
        " input_hash, output_hash, inputs, outputs, snapshots, snapshot_id, code_version,"
        " recorded_at, recorded_by, reason from attribution.runs"
    )
    listed = await service.get("/v1/runs", initiative=INITIATIVE)
    foreign = await service.client.get("/v1/runs/theirs")

    assert [run["run_id"] for run in listed["runs"]] == [own]
    assert foreign.status_code == 404


async def test_more_days_make_another_run(service: Service) -> None:
    first = (await service.run()).json()
    values = machine_values()
    dropped = max(values)
    del values[dropped]
    service.peers.series = {KPI: columns_of_values(values)}

    second = await service.run()

    assert second.status_code == 201
    assert second.json()["input_hash"] != first["input_hash"]


def _sha256(document: object) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
