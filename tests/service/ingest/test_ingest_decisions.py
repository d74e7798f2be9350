"""Whether the small decisions of the service are made by the table: faults, changes."""

import asyncio
from datetime import UTC, date, datetime

import pytest

from aivalue.events.changes import SeriesChanged, decode_change
from services.ingest import failpoints
from services.ingest.maintenance import months_from
from services.ingest.queries.storing import Change
from services.ingest.snapshot import snapshot
from services.ingest.storing.changes import UNITS_MAX, messages_of
from services.ingest.storing.correcting import Changed

NOW = datetime(2026, 3, 1, tzinfo=UTC)


async def test_an_armed_point_fires_at_the_passage_it_names() -> None:
    failpoints.arm("in_claim=raise:2")
    try:
        await failpoints.failpoint("in_claim")
        with pytest.raises(failpoints.FailpointReached):
            await failpoints.failpoint("in_claim")
        await failpoints.failpoint("in_claim")
        failpoints.arm("in_claim=sleep:0.01")
        begun = asyncio.get_running_loop().time()
        await failpoints.failpoint("in_claim")
        assert asyncio.get_running_loop().time() - begun >= 0.01
    finally:
        failpoints.arm("")
    await failpoints.failpoint("in_claim")


@pytest.mark.parametrize("description", ["in_clam=kill", "in_claim=explode"])
def test_a_fault_that_could_never_fire_is_refused(description: str) -> None:
    with pytest.raises(ValueError, match="not known"):
        failpoints.arm(description)


def test_equal_positions_have_equal_snapshots() -> None:
    position = {"topic": "t", "incarnation": 1, "partition": 0, "next_offset": 7}

    assert snapshot([position])["id"] == snapshot([dict(reversed(position.items()))])["id"]
    assert snapshot([position])["id"] != snapshot([{**position, "next_offset": 8}])["id"]


def test_many_units_travel_in_several_messages() -> None:
    units = [f"u{n:04}" for n in range(UNITS_MAX + 1)]
    change = Change(kpi="k", units=units, first=date(2026, 1, 1), last=date(2026, 1, 31))
    changed = Changed(series=[change], costs=frozenset({"pdm"}))

    messages = messages_of("acme", [], [changed], positions=[], now=NOW)

    decoded = [decode_change(value) for _, value in messages]
    read = [each[1] for each in decoded if each is not None]
    series = [each for each in read if isinstance(each, SeriesChanged)]
    assert [len(each.units) for each in series] == [UNITS_MAX, 1]
    assert {(each.start, each.end) for each in series} == {(date(2026, 1, 1), date(2026, 2, 1))}
    assert [key for key, _ in messages] == [b"acme|k", b"acme|k", b"acme|pdm"]


def test_months_run_over_the_end_of_the_year() -> None:
    assert months_from(date(2026, 12, 31), n_ahead=1) == [
        (date(2026, 12, 1), date(2027, 1, 1)),
        (date(2027, 1, 1), date(2027, 2, 1)),
    ]
