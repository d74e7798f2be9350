"""Figures are read completely and of one instant, or not at all."""

from collections.abc import Callable

import pytest

from aivalue.runtime.problems import DependencyUnavailable
from services.reporting.snapshot import Snapshot
from services.reporting.sources import read_snapshot
from tests.service.reporting.harness import Service
from tests.service.reporting.world import TENANT, Peers


async def read(service: Service) -> Snapshot:
    return await read_snapshot(service.app.state.sources, TENANT)


async def test_every_initiative_is_read_whatever_became_of_it(service: Service) -> None:
    snapshot = await read(service)

    stages = {each.initiative.key: each.initiative.stage for each in snapshot.figures.initiatives}
    assert stages == {
        "assistant": "stopped",
        "forecast": "approved",
        "maintenance": "run",
        "recommender": "pilot",
    }
    by_key = {each.initiative.key: each for each in snapshot.figures.initiatives}
    assert by_key["forecast"].estimate is None
    recommender = by_key["recommender"].estimate
    assert recommender is not None
    assert recommender.value_reason == "no rule prices clicks"
    assert [each.scope for each in recommender.scopes()] == ["men", "women"]
    maintenance = by_key["maintenance"]
    assert maintenance.estimate is not None
    assert set(maintenance.estimate.judged) == {"fewer-stops"}
    newest = maintenance.baseline("downtime")
    assert newest is not None
    assert newest.version == 2


async def test_equal_figures_have_equal_names_whenever_they_are_read(service: Service) -> None:
    first, second = await read(service), await read(service)
    service.peers.programmes["maintenance"].run_id = "run-2"
    third = await read(service)

    assert first.taken_at != second.taken_at
    assert first.figures.digest == second.figures.digest
    assert third.figures.digest != second.figures.digest


@pytest.mark.parametrize("peer", ["baseline", "attribution"])
async def test_a_service_that_is_down_leaves_no_figures(
    service: Service, peers: Peers, peer: str
) -> None:
    peers.down = {peer}

    with pytest.raises(DependencyUnavailable, match=f"{peer} does not answer: ConnectError"):
        await read(service)


async def test_a_service_that_goes_down_in_between_leaves_no_figures(
    service: Service, peers: Peers
) -> None:
    def fail_at_the_last(path: str) -> None:
        if path == "/v1/initiatives/recommender/value":
            peers.down = {"attribution"}

    peers.before = fail_at_the_last

    with pytest.raises(DependencyUnavailable):
        await read(service)


async def test_a_run_that_ends_while_it_is_read_is_read_again(
    service: Service, peers: Peers
) -> None:
    """The effects of run 1 with the value of run 2 would be a figure that never was."""
    peers.before = once("/v1/initiatives/maintenance/value", lambda: rerun(peers, "run-2"))

    snapshot = await read(service)

    found = {each.initiative.key: each.estimate for each in snapshot.figures.initiatives}
    assert found["maintenance"] is not None
    assert found["maintenance"].run_id == "run-2"


async def test_an_initiative_that_appears_while_others_are_read_is_read_too(
    service: Service, peers: Peers
) -> None:
    late = peers.programmes.pop("assistant")

    def appear() -> None:
        peers.programmes["assistant"] = late

    peers.before = once("/v1/initiatives/recommender", appear)

    snapshot = await read(service)

    assert "assistant" in {each.initiative.key for each in snapshot.figures.initiatives}


async def test_figures_that_never_rest_are_refused(service: Service, peers: Peers) -> None:
    numbers = iter(range(1_000))
    peers.before = lambda path: (
        rerun(peers, f"run-{next(numbers)}") if path == "/v1/effects" else None
    )

    with pytest.raises(DependencyUnavailable, match="changed while they were read, 3 times"):
        await read(service)


async def test_an_answer_of_another_shape_is_refused_with_its_reason(
    service: Service, peers: Peers
) -> None:
    peers.programmes["maintenance"].effects[0]["verdict"] = "splendid"

    with pytest.raises(DependencyUnavailable, match="an answer about Evidence cannot be read"):
        await read(service)


@pytest.mark.parametrize("status", [401, 404, 422])
async def test_a_refusal_of_a_service_is_no_figure(
    service: Service, peers: Peers, status: int
) -> None:
    peers.refusing = {"attribution": status}

    with pytest.raises(DependencyUnavailable, match=f"{status} in answer to /v1/initiatives"):
        await read(service)


@pytest.mark.parametrize("peer", ["baseline", "attribution"])
@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("text/html", "<html>sign in</html>", r"{} answered 200 to .* with text/html, needs JSON"),
        ("application/json", '{"signed_in": false}', "an answer of baseline or attribution cannot"),
        ("application/json", "[1]", "an answer of baseline or attribution cannot"),
        ("application/json", '"ok"', "an answer of baseline or attribution cannot"),
    ],
)
async def test_who_answers_in_a_service_s_place_is_refused_with_the_reason(
    service: Service, peers: Peers, peer: str, kind: str, text: str, said: str
) -> None:
    peers.replaced = {peer: (kind, text)}

    with pytest.raises(DependencyUnavailable, match=said.format(peer)):
        await read(service)


def once(path: str, change: Callable[[], None]) -> Callable[[str], None]:
    """Make a change when a path is asked for the first time."""
    done = False

    def before(asked: str) -> None:
        nonlocal done
        if asked == path and not done:
            done = True
            change()

    return before


def rerun(peers: Peers, run_id: str) -> None:
    peers.programmes["maintenance"].run_id = run_id
