"""Whether any bytes stop it: whatever a record holds, it is stored, a duplicate or a dead letter.

Noise, and valid events of every type that something was done to: members replaced by what JSON,
Unicode, decimal numbers and calendars have at their edges; bytes cut, doubled or changed. All of it
through the real store, batch after batch; then their hashes are computed again from what is stored,
which reads every kept byte back.
"""

import itertools
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest import metrics
from services.ingest.batch import Batch, Headers, Record
from services.ingest.queries import verification
from services.ingest.reading.decoding import decode_stretch
from services.ingest.storing.handler import Store
from services.ingest.verifying import verify
from tests.integration.ingest.material import NOW, TOPIC, claim, open_store

# One example is one transaction of up to so many records.
EXAMPLES, RECORDS_MAX = 80, 20
SEEDS: list[dict[str, Any]] = [
    json.loads(path.read_text())["event"]
    for path in sorted((Path(__file__).parents[2] / "contract" / "events" / "in").glob("*.json"))
]
# Few, so that events repeat, contradict and correct one another.
IDS = [f"x{n}" for n in range(8)]
NAMES = ["id", "supersedes", "source", "time", "type", "backfillid", "recordedtime", "data"]
# Texts of JSON that take the place of a member.
EDGES = [
    "null", "true", "0", "-0.0", "1e400", "-1e999999", "1E-400", "NaN", "-Infinity", "9" * 60,
    "1e9999999999999999999", "-0E-9999999999999999999", "9" * 5_000,
    '""', '" "', '"\\n"', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\ufdd0"', '"\u0661"',
    '"NaN"', '"sNaN"', '"1e1000000"', '"1_000"', '"1.' + "0" * 90 + '"', '"-1e-31"',
    '"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59-23:59"', '"2016-12-31T23:59:60Z"',
    '"10000-01-01T00:00:00Z"', '"2026-03-01"', '"2026-02-30T00:00:00Z"', '"0001-01-01T00:00:00Z"',
    "[]", "{}", "[" * 90 + "]" * 90, '{"a":' * 2_000 + "1" + "}" * 2_000, '"' + "k" * 300 + '"',
    '"' + "k" * 70_000 + '"', '{"kpi":"k","kpi":"l"}', "]",
]  # fmt: skip
_NOW_MS = int(NOW.timestamp() * 1_000)
# Whoever produces a record may say when, also in another unit, or nonsense.
TIMESTAMPS = [_NOW_MS, _NOW_MS, 0, -1, _NOW_MS * 1_000, 2**63 - 1, -(2**63)]
HEADERS = [
    ("trace", None), ("trace", b""), ("trace", b"\xff"), ("", b"1"), ("nul\0", b"\0"),
    ("ce_id", None), ("ce_id", b"\xff"), ("CE_ID", b"x"), ("ce_data", b"1"), ("ce_more", b"\0"),
    ("content-type", None), ("Content-Type", b"text/plain"), ("content-type", b"\xff"),
    ("content-type", b"application/cloudevents+json"), ("ce-id", b"x"),
    ("content-type", b"application/cloudevents-batch+json"),
]  # fmt: skip
_TENANTS = itertools.count(1)
_EDGE_KEYS = st.sampled_from(range(len(EDGES)))


@st.composite
def _event(draw: st.DrawFn) -> Any:
    """Return an event of any type, with an id among few and some members replaced."""
    event = json.loads(json.dumps(draw(st.sampled_from(SEEDS)))) | {"id": draw(_ID)}
    for name in draw(st.sets(st.sampled_from(["supersedes", "recordedtime", "backfillid"]))):
        event.pop(name, None)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        inside = event if draw(st.booleans()) or not event.get("data") else event["data"]
        if not isinstance(inside, dict):
            continue
        name = draw(st.sampled_from([*inside, *NAMES]))
        if draw(st.integers(0, 4)) == 0:
            inside.pop(name, None)
        else:
            inside[name] = f"\ue000{draw(_EDGE_KEYS)}\ue000"
    return event


_ID = st.sampled_from(IDS)


def _bytes(event: object) -> bytes:
    text = json.dumps(event, ensure_ascii=False)
    for number, edge in enumerate(EDGES):
        text = text.replace(f'"\ue000{number}\ue000"', edge)
    return text.encode("utf-8", "surrogatepass")


@st.composite
def _bent(draw: st.DrawFn, value: bytes) -> bytes:
    """Cut, double or change bytes, once in a while."""
    how = draw(st.sampled_from(["no", "no", "no", "cut", "double", "change", "insert"]))
    if how == "no" or not value:
        return value
    first = draw(st.integers(0, len(value) - 1))
    last = min(first + draw(st.integers(1, 12)), len(value))
    other = draw(st.binary(max_size=3)) if how in {"change", "insert"} else b""
    middle = {"cut": b"", "double": 2 * value[first:last], "change": other}
    return value[:first] + middle.get(how, value[first:last] + other) + value[last:]


@st.composite
def _told(draw: st.DrawFn) -> tuple[bytes | None, Headers]:
    """Return value and headers: an event in either mode, or noise."""
    how = draw(st.sampled_from(["structured", "structured", "binary", "binary", "noise"]))
    headers: list[tuple[str, bytes | None]]
    if how == "noise":
        value = draw(st.none() | st.binary(max_size=30))
        headers = []
    elif how == "structured":
        value = draw(_bent(_bytes(draw(_event()))))
        headers = [("content-type", b"application/cloudevents+json")]
    else:
        event = draw(_event())
        body = _bytes(event.pop("data", None))
        value = draw(st.sampled_from([body, body, body, None])) and draw(_bent(body))
        headers = [
            (
                "content-type" if name == "datacontenttype" else f"ce_{name}",
                _bytes(said).strip(b'"'),
            )
            for name, said in event.items()
        ]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        headers.append(draw(st.sampled_from(HEADERS)))
    return value, headers


_RECORDS = st.lists(
    st.tuples(st.none() | st.binary(max_size=3), _told(), st.sampled_from(TIMESTAMPS)),
    min_size=1,
    max_size=RECORDS_MAX,
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.large_base_example,
    ],
)  # fmt: skip
@given(told=_RECORDS)
async def test_no_bytes_stop_it(
    opened: tuple[asyncpg.Connection, Store],
    told: Sequence[tuple[bytes | None, tuple[bytes | None, Headers], int]],
) -> None:
    connection, store = opened
    # A tenant of its own: the few ids are new again.
    tenant = f"t{next(_TENANTS)}"
    claimed = await claim(connection, tenant=tenant)
    records = [
        Record(offset=index, timestamp=timestamp, key=key, value=value, headers=headers)
        for index, (key, (value, headers), timestamp) in enumerate(told)
    ]
    stretch = decode_stretch(claimed.origin, records, now=NOW)
    batch = Batch(tenant=tenant, received_at=NOW, stretches=[stretch])

    stored = await store.store(connection, batch)
    metrics.observe_stored(batch, stored, seconds=0)

    place = await verification.find_partition(connection, tenant, TOPIC, 0, incarnation=None)
    assert place is not None
    assert place.next_offset == len(records)
    found = await verify(connection, tenant, place, start=0, n_records=len(records))
    assert (found.n_records, found.faults) == (len(records), [])


@pytest.fixture
async def opened(ingest_database: str) -> AsyncIterator[tuple[asyncpg.Connection, Store]]:
    """Return one connection for all examples."""
    connection, store = await open_store(ingest_database)
    yield connection, store
    await connection.close()
