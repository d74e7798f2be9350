"""Whether an edited row is found by name, and nothing else is complained of."""

from collections.abc import Callable

import asyncpg
import httpx
import pytest

from aivalue.events.encode import Message
from services.ingest.batch import Record
from services.ingest.originals import pack, unpack
from services.ingest.queries import verification
from services.ingest.verifying import verify
from tests.integration.ingest.material import (
    BATCH,
    TENANT,
    TOPIC,
    batch_of,
    came_of,
    claim,
    decided,
    http_measured,
    measured,
    open_store,
    retracted,
)

_BROKEN = Message(key=None, value=b"no event", headers=[("trace", b"\xff\xfe")])
# With repetitions, in the same batch and later, one in other digits; a conflict; what is no event.
_BATCHES = [
    [measured("a", "1"), measured("b", "2"), measured("a", "1"), _BROKEN],
    [measured("a", "1"), measured("b", "3"), decided("d"), came_of("d", label=True)],
    [retracted("a"), measured("c", "1"), measured("d", "2"), measured("b", "2.0")],
]


@pytest.fixture
async def stored(ingest_database: str) -> None:
    connection, store = await open_store(ingest_database)
    for batch in _BATCHES:
        await store.store(connection, batch_of(await claim(connection), batch))
    await connection.close()


async def _found(connection: asyncpg.Connection) -> list[tuple[str, str]]:
    place = await verification.find_partition(connection, TENANT, TOPIC, 0, incarnation=None)
    assert place is not None
    found = await verify(connection, TENANT, place, start=0, n_records=1_000)
    assert found.next_offset == place.next_offset
    return [(each.row.removeprefix(f"{TOPIC}#1/0 "), each.fault) for each in found.faults]


@pytest.mark.usefixtures("stored")
async def test_what_nobody_edited_is_in_order(connection: asyncpg.Connection) -> None:
    assert await _found(connection) == []


_EDITS = {
    "update ingest.event_runs set n_events = 2 where first_offset = 8": (
        "events @8", "its offsets, its count or what it calls late are not those of its records",
    ),
    "update ingest.event_runs set late = '{[9,10)}' where first_offset = 8": (
        "events @8", "its offsets, its count or what it calls late are not those of its records",
    ),
    "delete from ingest.event_runs where first_offset = 8": (
        "batch @8", "it stored 3 events, 0 are there",
    ),
    "delete from ingest.event_keys where event_id = 'c'": (
        "event @9 (urn:plant:mes c)", "no key stands for it",
    ),
    "update ingest.dead_letters set value = 'another' where source is null": (
        "batch @0", "its digest is not that of the records it read",
    ),
    "delete from ingest.dead_letters where source is not null": (
        "batch @4", "it stored 1 dead letters, 0 are there",
    ),
    "update ingest.batches set repeated = overlay(repeated placing '\\x00' from 20) "
    "where first_offset = 4": (
        "batch @4", "its digest is not that of the records it read",
    ),
    "update ingest.batches set sha256 = hash where first_offset = 0": (
        "batch @0", "its hash is not that of its digest, its place and the batch before",
    ),
    "update ingest.partitions set head_hash = '\\x00'": (
        "partition", "its offset and hash are not those of its last batch",
    ),
}  # fmt: skip


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("edit", _EDITS)
async def test_an_edited_row_is_found_by_name(connection: asyncpg.Connection, edit: str) -> None:
    # As somebody who owns the database can.
    await connection.execute("set session_replication_role = replica")
    await connection.execute(edit)

    assert await _found(connection) == [_EDITS[edit]]


def _other_bytes(records: list[Record]) -> bytes:
    records[1].value = (records[1].value or b"").replace(b'"2"', b'"9"')
    return pack(records)


def _no_event(records: list[Record]) -> bytes:
    records[1].value = b"{}"
    return pack(records)


_REWRITTEN: dict[Callable[[list[Record]], bytes], list[tuple[str, str]]] = {
    _other_bytes: [
        ("event @1 (urn:plant:mes b)", "its bytes are not those that its key was made of"),
    ],
    _no_event: [("event @1", "its bytes are no event any more: Object missing")],
    lambda _: b"junk": [
        ("events @0", "its bytes are not those that were written: no run of records"),
        ("batch @0", "it stored 2 events, 0 are there"),
    ],
}


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("rewrite", _REWRITTEN)
async def test_rewritten_originals_are_found_by_name(
    connection: asyncpg.Connection, rewrite: Callable[[list[Record]], bytes]
) -> None:
    await connection.execute("set session_replication_role = replica")
    originals = await connection.fetchval(
        "select originals from ingest.event_runs where first_offset = 0"
    )
    await connection.execute(
        "update ingest.event_runs set originals = $1 where first_offset = 0",
        rewrite(unpack(originals)),
    )

    found = await _found(connection)
    assert [row for row, _ in found] == [row for row, _ in _REWRITTEN[rewrite]]
    for (_, said), (_, expected) in zip(found, _REWRITTEN[rewrite], strict=True):
        assert said.startswith(expected)


@pytest.mark.usefixtures("stored")
async def test_a_batch_cut_out_is_missed(connection: asyncpg.Connection) -> None:
    await connection.execute("set session_replication_role = replica")
    await connection.execute("delete from ingest.batches where first_offset = 4")

    assert await _found(connection) == [
        ("batch @8", "a batch is missing: the one before ends at 4")
    ]


async def test_it_can_be_asked_for_piece_by_piece(client: httpx.AsyncClient) -> None:
    for n in range(3):
        events = [http_measured(f"e{n}-{i}", "1") for i in range(2)]
        await client.post("/v1/events", headers=BATCH, json=events)
    partitions = (await client.get("/v1/partitions")).json()

    for each in partitions:
        asked: dict[str, str | int] = {
            "topic": "http", "partition": each["partition"], "n_records": 1,
        }  # fmt: skip
        answer = (await client.get("/v1/verification", params=asked)).json()
        known = {"known_hash": answer["head_hash"]}
        again = (await client.get("/v1/verification", params=asked | known)).json()
        assert (answer["faults"], answer["n_records"], again["hash_found"]) == ([], 2, True)
        assert answer["next_offset"] == answer["end_offset"] == each["next_offset"]

    unknown = await client.get("/v1/verification", params={"topic": "http", "partition": 99})
    assert unknown.status_code == 404
