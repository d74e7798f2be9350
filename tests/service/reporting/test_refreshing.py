"""A reading that fails changes no figure, and everyone can see that they are not current."""

import asyncio

from services.reporting.board import LOADED
from tests.service.reporting.harness import Service, service_of
from tests.service.reporting.world import TENANT, Peers, settings


async def test_the_last_complete_figures_stay_with_the_reason(
    service: Service, peers: Peers
) -> None:
    await service.refresh()
    before = await service.get("/v1/summary")
    peers.down = {"attribution"}
    peers.programmes["maintenance"].run_id = "run-2"
    await service.refresh()
    after = await service.get("/v1/summary")

    assert (before["stale"], before["stale_reason"]) == (False, None)
    assert after["stale"] is True
    assert after["stale_reason"] == "attribution does not answer: ConnectError"
    for member in ("portfolios", "snapshot", "as_of"):
        assert after[member] == before[member]
    assert after["age_seconds"] > before["age_seconds"]


async def test_a_service_that_is_back_makes_the_figures_current(
    service: Service, peers: Peers
) -> None:
    await service.refresh()
    peers.down = {"baseline"}
    await service.refresh()
    peers.down = set()
    await service.refresh()

    assert (await service.get("/v1/summary"))["stale"] is False


async def test_an_answer_that_breaks_the_reader_keeps_the_figures(
    service: Service, peers: Peers
) -> None:
    await service.refresh()
    peers.programmes["maintenance"].baselines[0].pop("version")
    await service.refresh()

    summary = await service.get("/v1/summary")
    assert summary["stale"] is True
    assert "cannot be read" in summary["stale_reason"]
    assert len(summary["portfolios"][0]["initiatives"]) == 4


async def test_without_any_figures_the_answer_is_that_there_are_none(
    service: Service, peers: Peers
) -> None:
    paths = ("/v1/summary", "/v1/initiatives/maintenance/summary", "/metrics/business")
    unread = [await service.client.get(path) for path in paths]
    peers.down = {"attribution"}
    await service.refresh()
    failed = [await service.client.get(path) for path in paths]

    assert [each.status_code for each in (*unread, *failed)] == [503] * 6
    assert LOADED in unread[0].json()["detail"]
    for each in failed:
        assert "attribution does not answer" in each.json()["detail"]
        assert each.headers["content-type"] == "application/problem+json"


async def test_a_database_that_is_away_does_not_hide_the_figures(service: Service) -> None:
    await service.refresher.load()
    await service.refresh()

    assert (await service.get("/v1/summary"))["stale"] is False
    assert (await service.client.get("/readyz")).status_code == 503


async def test_an_announcement_has_the_services_read_at_once(peers: Peers) -> None:
    patient = settings().model_copy(
        update={
            "reporting": settings().reporting.model_copy(
                update={"refresh_seconds": 3_600.0, "settle_seconds": 0.0}
            )
        }
    )
    async with service_of(peers, patient) as service:
        job = asyncio.ensure_future(service.refresher.run())
        try:
            first = await taken_after(service, None)
            service.refresher.announce()
            second = await taken_after(service, first)
        finally:
            job.cancel()

    assert second > first


async def taken_after(service: Service, last: float | None) -> float:
    """Wait, at most ten seconds, for figures that are later than the last."""
    async with asyncio.timeout(10):
        while True:
            snapshot = service.board[TENANT].snapshot
            if snapshot is not None and snapshot.taken_at.timestamp() != last:
                return snapshot.taken_at.timestamp()
            await asyncio.sleep(0.01)
