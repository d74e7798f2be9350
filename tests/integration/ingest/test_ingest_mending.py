"""Whether a day whose statistics are wrong is found by name, and mended beside any rival."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal

import asyncpg
import httpx
import pytest

from aivalue.events.business import MeasurementRecorded
from aivalue.events.changes import SeriesChanged, decode_change
from aivalue.events.encode import Message
from services.ingest.attempts import attempted
from services.ingest.mending import Compared, compare, mend
from services.ingest.queries import daily, recounting
from services.ingest.queries.daily import FIGURES, Place, Span
from tests.integration.ingest.material import (
    BATCH,
    NOW,
    TENANT,
    came_of,
    decided,
    http_measured,
    measured,
    message,
    retracted,
    reverted,
    statistics,
)
from tests.integration.ingest.rivals import Rivals

ALL = Span(kpi=None, start=None, end=None)
TOPIC = "aivalue.changes.v1"


def _share(event_id: str, numerator: int, denominator: int) -> Message:
    data = MeasurementRecorded(
        kpi="share", unit="u", numerator=Decimal(numerator), denominator=Decimal(denominator)
    )
    return message(data, event_id)


def _on(day: date, event_id: str) -> Message:
    data = MeasurementRecorded(kpi="downtime", unit="line-3", value=Decimal(2), business_date=day)
    return message(data, event_id)


_STORED = [
    measured("a", "1"), measured("b", "2.50"), measured("c", "7", hours=24),
    measured("a2", "1.5", supersedes="a"), measured("d", "4", backfillid="h"),
    measured("e", "5", unit="line-2", hours=48), measured("f", "6", unit="line-2", hours=48),
    _share("s1", 3, 7), _share("s2", 1, 9), _on(date.min, "first"), _on(date.min, "gone"),
    decided("d1"), came_of("d1", label=True), came_of("d1", label=True, kpi="sale"),
    decided("d2"), came_of("d2", label=False),
]  # fmt: skip
_CORRECTED = [
    *(retracted(each) for each in ("c", "e", "f", "gone", "outcome-d1-sale")),
    reverted("h"), decided("d1", event_id="made-d1-2", arm="control", supersedes="made-d1"),
]  # fmt: skip


@pytest.fixture
async def rivals(ingest_database: str) -> AsyncIterator[Rivals]:
    """Return two workers over a database."""
    opened = await Rivals.open(ingest_database)
    yield opened
    await opened.close()


@pytest.fixture
async def stored(rivals: Rivals) -> None:
    for each in (_STORED, _CORRECTED):
        await rivals.first.deliver(TENANT, each)


async def _mended(connection: asyncpg.Connection) -> Compared:
    async with connection.transaction():
        return await mend(connection, TENANT, ALL, None, changes_topic=TOPIC, now=NOW)


async def _found(connection: asyncpg.Connection, tenant: str = TENANT) -> list[tuple[str, ...]]:
    """Walk over all pages; name each figure that differs."""
    found: list[tuple[str, ...]] = []
    after: Place | None = None
    while True:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            page = await compare(connection, tenant, ALL, after)
        found += _named(page)
        if page.last is None:
            return found
        assert after is None or (page.last.series_id, page.last.day) > (after.series_id, after.day)
        after = page.last


def _named(page: Compared) -> list[tuple[str, ...]]:
    return [
        (each.kpi, each.unit, each.arm, str(each.day), figure, str(kept), str(derived))
        for each in page.differing
        for figure, kept, derived in zip(FIGURES, each.kept, each.derived, strict=True)
        if kept != derived
    ]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("n_days", [1, 2, daily.DAYS_AT_ONCE])
async def test_what_nobody_edited_is_in_order(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, n_days: int
) -> None:
    monkeypatch.setattr(daily, "DAYS_AT_ONCE", n_days)

    assert await _found(connection) == []
    assert len(await statistics(connection)) == 5


_EDITS: dict[str, list[tuple[str, ...]]] = {
    "update ingest.daily_statistics set sum = sum + 1 where minimum = 1.5": [
        ("downtime", "line-1", "", "2026-03-01", "sum", "5", "4"),
    ],
    "update ingest.daily_statistics set minimum = 1, n = 9 where minimum = 1.5": [
        ("downtime", "line-1", "", "2026-03-01", "n", "9", "2"),
        ("downtime", "line-1", "", "2026-03-01", "minimum", "1", "1.5"),
    ],
    "update ingest.daily_statistics set cross_product = 0 where denominator = 16": [
        ("share", "u", "", "2026-03-01", "cross_product", "0", "30"),
    ],
    "delete from ingest.daily_statistics where minimum = 1.5": [
        ("downtime", "line-1", "", "2026-03-01", *rest)
        for rest in (
            ("n", "0", "2"), ("sum", "0", "4"), ("sum_squares", "0", "8.5"),
            ("minimum", "None", "1.5"), ("maximum", "None", "2.5"),
        )
    ],
    "insert into ingest.daily_statistics select tenant_id, series_id, business_date + 9, 0, 0, 0, "
    "null, null, 0, 0, 0, 0, 0 from ingest.daily_statistics": [],
    "update ingest.measurements set active = true where not active and business_date = "
    "'2026-03-01' and series_id in (select series_id from ingest.series where kpi = 'sale')": [
        ("sale", "men", "treatment", "2026-03-01", *rest)
        for rest in (
            ("n", "0", "1"), ("sum", "0", "1"), ("sum_squares", "0", "1"),
            ("minimum", "None", "1"), ("maximum", "None", "1"),
        )
    ],
}  # fmt: skip


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("edit", _EDITS)
async def test_an_edited_day_is_found_by_name_and_mended(
    connection: asyncpg.Connection, edit: str
) -> None:
    await connection.execute(edit)
    await connection.execute("delete from ingest.outbox")

    assert await _found(connection) == _EDITS[edit]
    assert _named(await _mended(connection)) == _EDITS[edit]
    assert await _found(connection) == []
    announced = await connection.fetch("select value from ingest.outbox")
    changes = [decode_change(row["value"]) for row in announced]
    assert [
        (tenant, change.kpi, str(change.start), str(change.end))
        for tenant, change in filter(None, changes)
        if isinstance(change, SeriesChanged)
    ] == [(TENANT, *each) for each in {(e[0], "2026-03-01", "2026-03-02") for e in _EDITS[edit]}]


_WRONG = "update ingest.daily_statistics set sum = sum + 100, n = n + 1 where minimum = 1.5"
_ADDED = {
    "a measurement comes": [measured("g", "10")],
    "one is withdrawn": [retracted("b")],
    "one is corrected": [measured("b2", "10", supersedes="b")],
}


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("added", _ADDED)
async def test_a_day_is_mended_while_somebody_has_yet_to_commit(
    rivals: Rivals, connection: asyncpg.Connection, added: str
) -> None:
    await connection.execute(_WRONG)
    begun = await rivals.first.begin(TENANT, _ADDED[added])
    mended = asyncio.create_task(_mended(connection))
    await _waits(rivals, connection.get_server_pid())

    await begun.commit()

    assert len((await mended).differing) == 1
    assert await _found(rivals.observer) == []


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("added", _ADDED)
async def test_who_comes_while_a_day_is_mended_adds_to_what_is_right(
    rivals: Rivals, connection: asyncpg.Connection, added: str
) -> None:
    await connection.execute(_WRONG)
    async with connection.transaction():
        await mend(connection, TENANT, ALL, None, changes_topic=TOPIC, now=NOW)
        rival = asyncio.create_task(rivals.first.deliver(TENANT, _ADDED[added]))
        await _waits(rivals, rivals.first.connection.get_server_pid())
    await rival

    assert await _found(rivals.observer) == []


@pytest.mark.usefixtures("stored")
async def test_a_mend_that_looks_before_it_locks_is_found_out(
    rivals: Rivals, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locks_nothing(*_: object, **__: object) -> None:
        pass

    monkeypatch.setattr(recounting, "lock", locks_nothing)
    await connection.execute(_WRONG)
    begun = await rivals.first.begin(TENANT, _ADDED["a measurement comes"])
    mended = asyncio.create_task(_mended(connection))
    await _waits(rivals, connection.get_server_pid())
    await begun.commit()
    await mended

    found = await _found(rivals.observer)
    assert ("downtime", "line-1", "", "2026-03-01", "n", "2", "3") in found


@pytest.mark.usefixtures("stored")
async def test_a_mend_that_a_deadlock_ended_begins_again(
    rivals: Rivals, connection: asyncpg.Connection, ingest_database: str
) -> None:
    await connection.execute("update ingest.daily_statistics set sum = sum + 1 where n > 0")
    lock = "select from ingest.daily_statistics where n > 0 order by series_id {} for update"
    # Each looks for a circle once: the mender, which gives way, long before the other would.
    looks = {"deadlock_timeout": "3s"}
    async with asyncpg.create_pool(
        ingest_database, min_size=1, max_size=1, server_settings=looks
    ) as pool:
        async with pool.acquire() as mender:
            pid = mender.get_server_pid()

        async def mend_page() -> Compared:
            async with pool.acquire() as mender:
                return await _mended(mender)

        async with connection.transaction():
            await connection.execute("set local deadlock_timeout = '60s'")
            # From the other end than everybody.
            await connection.execute(lock.format("desc limit 1"))
            mended = asyncio.create_task(attempted(mend_page))
            await _waits(rivals, pid)
            await connection.execute(lock.format("asc limit 1"))

        assert len((await mended).differing) == 5
    assert await _found(connection) == []


async def _waits(rivals: Rivals, pid: int) -> None:
    while not await rivals.observer.fetchval("select pg_blocking_pids($1) <> '{}'", pid):
        pass


async def test_it_can_be_asked_for_over_http(
    client: httpx.AsyncClient, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [http_measured(f"e{n}", "1", unit=f"line-{n}") for n in range(3)]
    await client.post("/v1/events", headers=BATCH, json=events)
    await connection.execute("update ingest.daily_statistics set sum = 2")
    monkeypatch.setattr("services.ingest.routes.statistics.NAMED_MAX", 2)
    asked = {"kpi": "downtime", "start": "2026-03-01", "end": "2026-03-02"}

    before = (await client.get("/v1/days/verification", params=asked)).json()
    elsewhere = (await client.get("/v1/days/verification?start=2026-03-02")).json()
    mended = (await client.post("/v1/days:mend", json=asked)).json()
    rest = await client.post("/v1/days:mend", json=asked | {"cursor": mended["next_cursor"]})
    after = (await client.get("/v1/days/verification", params=asked)).json()

    assert (before["n_days"], before["n_differing"], len(before["differing"])) == (3, 3, 2)
    assert before["differing"][0]["figures"] == [{"figure": "sum", "kept": "2", "derived": "1"}]
    assert mended == before
    assert (elsewhere["n_days"], elsewhere["next_cursor"]) == (0, None)
    assert rest.json() == elsewhere
    assert (after["n_days"], after["n_differing"]) == (3, 0)


async def test_what_cannot_be_asked_is_refused(client: httpx.AsyncClient) -> None:
    turned = {"start": "2026-03-02", "end": "2026-03-01"}
    answers = [
        await client.get("/v1/days/verification", params=turned),
        await client.post("/v1/days:mend", json=turned),
        await client.get("/v1/days/verification?cursor=x"),
        await client.post("/v1/days:mend", json={"cursor": "1/2/3"}),
        await client.get("/v1/days/verification?kpi=downtme"),
        await client.post("/v1/days:mend", json={"kpi": "downtme"}),
    ]

    assert [each.status_code for each in answers] == [422, 422, 422, 422, 404, 404]
    assert answers[-1].json()["detail"] == "nothing was ever measured of 'downtme'"
    assert {each.headers["content-type"] for each in answers} == {"application/problem+json"}
