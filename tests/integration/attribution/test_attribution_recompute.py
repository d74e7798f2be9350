"""Stale initiatives: none is forgotten, none stored twice, whoever crashes on the way."""

import asyncio
import contextlib
import time

import pytest
from sqlalchemy.exc import SQLAlchemyError

from services.attribution.consumer import mark_everything
from services.attribution.estimate import Request, estimate_initiative
from services.attribution.queries.recompute import Claim, ClaimLost, claim, claim_stale, mark
from services.attribution.settings import AttributionGroup, AttributionSettings
from services.attribution.worker import work_once
from tests.integration.attribution.harness import Service, service_of
from tests.integration.attribution.world import INITIATIVE, Peers, cost

RECOMPUTE = Request(subject="recompute", reason="recompute")


async def mark_stale(service: Service, reason: str = "series changed") -> None:
    async with service.place.engine.begin() as connection:
        await mark(connection, service.tenant, {INITIATIVE: reason})


async def state(service: Service) -> dict[str, object]:
    (row,) = await service.sql("select * from attribution.recompute")
    return dict(row)


async def recompute_when_due(service: Service) -> None:
    async with asyncio.timeout(20):
        while True:
            if await work_once(service.place):
                return
            await asyncio.sleep(0.01)


async def claim_of(service: Service, *, lease: float = 30) -> Claim:
    async with service.place.engine.begin() as connection:
        held = await claim(connection, service.tenant, INITIATIVE, lease=lease)
    assert held is not None
    return held


async def test_a_stale_initiative_is_run_and_then_rests(service: Service) -> None:
    await mark_stale(service)

    worked = [await work_once(service.place), await work_once(service.place)]
    (run,) = (await service.get("/v1/runs", initiative=INITIATIVE))["runs"]
    (listed,) = (await service.get("/v1/initiatives"))["initiatives"]

    assert worked == [True, False]
    assert (run["reason"], run["recorded_by"]) == ("recompute", "recompute")
    assert listed["stale"] is False


async def test_a_mark_without_a_change_stores_nothing_new(service: Service) -> None:
    run = (await service.run()).json()
    await mark_stale(service)

    await work_once(service.place)
    listed = await service.get("/v1/runs", initiative=INITIATIVE)

    assert [each["run_id"] for each in listed["runs"]] == [run["run_id"]]
    assert await work_once(service.place) is False


async def test_a_mark_that_arrives_during_a_run_is_not_lost(service: Service) -> None:
    await mark_stale(service)
    held = await claim_of(service)
    await mark_stale(service)

    await estimate_initiative(service.place, held, RECOMPUTE)
    service.peers.costs = [cost(1, month=2, amount="1")]

    assert await work_once(service.place) is True
    assert len((await service.get("/v1/runs", initiative=INITIATIVE))["runs"]) == 2


async def test_a_service_that_is_away_leaves_the_reason_in_the_queue(service: Service) -> None:
    await mark_stale(service)
    service.peers.away.add("ingest")

    await work_once(service.place)
    failed = await state(service)
    service.peers.away.clear()
    # The pause after the first failure is 50 ms.
    await recompute_when_due(service)
    cured = await state(service)

    assert "ingest" in str(failed["last_error"])
    assert (failed["attempts"], cured["attempts"]) == (1, 0)
    assert cured["last_error"] is None
    assert len(await service.sql("select 1 from attribution.runs")) == 1


async def test_failures_are_counted_until_one_run_succeeds(service: Service) -> None:
    await mark_stale(service)
    service.peers.away.add("baseline")

    for _ in range(3):
        await recompute_when_due(service)
    failed = await state(service)
    service.peers.away.clear()
    await recompute_when_due(service)

    assert failed["attempts"] == 3
    assert (await state(service))["attempts"] == 0


async def test_what_no_repetition_cures_waits_for_a_change(service: Service) -> None:
    design = service.peers.programme["design"]
    service.peers.programme["design"] = None
    await mark_stale(service)

    worked = [await work_once(service.place), await work_once(service.place)]
    refused = await state(service)
    service.peers.programme["design"] = design
    await mark_stale(service, "definitions changed")

    assert worked == [True, False]
    assert "no design" in str(refused["last_error"])
    assert await work_once(service.place) is True
    assert (await state(service))["last_error"] is None


async def test_a_worker_that_dies_between_load_and_store_is_replaced(service: Service) -> None:
    await mark_stale(service)
    async with service.place.engine.begin() as connection:
        dead = await claim_stale(connection, quiet=0, patience=0, lease=0.2)
    assert dead is not None

    early = await work_once(service.place)
    await asyncio.sleep(0.25)
    late = await work_once(service.place)

    assert (early, late) == (False, True)
    assert len(await service.sql("select 1 from attribution.runs")) == 1


async def test_a_run_that_lost_its_claim_is_not_stored(service: Service) -> None:
    slow = await claim_of(service, lease=0)
    fast = await claim_of(service)

    await estimate_initiative(service.place, fast, RECOMPUTE)
    service.peers.costs = [cost(1, month=2, amount="1")]
    with pytest.raises(ClaimLost):
        await estimate_initiative(service.place, slow, RECOMPUTE)

    runs = await service.sql("select number from attribution.runs")
    assert [row["number"] for row in runs] == [1]
    assert len(await service.sql("select 1 from attribution.outbox")) == 1


async def test_two_workers_share_the_work(service: Service) -> None:
    await mark_stale(service)

    worked = await asyncio.gather(*(work_once(service.place) for _ in range(2)))

    assert sorted(worked) == [False, True]
    assert len(await service.sql("select 1 from attribution.runs")) == 1


async def test_a_request_waits_its_turn_and_then_says_so(service: Service) -> None:
    await claim_of(service)

    begun = time.monotonic()
    response = await service.run()

    assert response.status_code == 409
    assert response.headers["retry-after"]
    assert time.monotonic() - begun >= service.settings.attribution.run_wait_seconds


async def test_changes_close_together_are_one_run(
    settings: AttributionSettings, unique: str
) -> None:
    patient = settings.model_copy(
        update={"attribution": AttributionGroup(debounce_seconds=0.3, debounce_seconds_max=0.8)}
    )
    peers = Peers()
    peers.freeze()
    async with service_of(patient, peers) as service:
        begun = time.monotonic()
        await mark_stale(service)
        # Changes keep coming every 100 ms, so it is never quiet for 300 ms.
        while not await work_once(service.place):
            await asyncio.sleep(0.1)
            await mark_stale(service)
        waited = time.monotonic() - begun

    assert waited > 0.7


async def test_everything_can_be_looked_at_again(service: Service) -> None:
    await mark_everything(service.place, "looked at again")

    assert (await state(service))["reason"] == "looked at again"
    assert await work_once(service.place) is True


async def test_a_database_that_drops_its_connections_costs_an_attempt_at_most(
    service: Service,
) -> None:
    await mark_stale(service)
    drop = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like $1"

    async def interrupt() -> None:
        for _ in range(20):
            await service.sql(drop, "aivalue-attribution%")
            await asyncio.sleep(0.02)

    interrupting = asyncio.create_task(interrupt())
    with contextlib.suppress(SQLAlchemyError, OSError):
        await work_once(service.place)
    await interrupting
    # A claim that was taken but not given back runs out.
    await service.sql("update attribution.recompute set claimed_until = null, not_before = now()")
    if await service.sql("select 1 from attribution.recompute where marks > done"):
        await recompute_when_due(service)

    assert len(await service.sql("select 1 from attribution.runs")) == 1
    assert len(await service.sql("select 1 from attribution.effect_months")) == 3


async def test_many_workers_on_many_initiatives_take_each_once(service: Service) -> None:
    names = [f"initiative-{number:02}" for number in range(12)]
    async with service.place.engine.begin() as connection:
        await mark(connection, service.tenant, dict.fromkeys(names, "series changed"))

    async def take_all() -> list[str]:
        taken: list[str] = []
        while True:
            async with service.place.engine.begin() as connection:
                held = await claim_stale(connection, quiet=0, patience=0, lease=30)
            if held is None:
                return taken
            taken.append(held.initiative)

    by_worker = await asyncio.gather(*(take_all() for _ in range(4)))

    assert sorted(name for taken in by_worker for name in taken) == names
