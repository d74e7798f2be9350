"""Whether many records read at once are what each of them is by itself, in any company."""

import hashlib
import json
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from aivalue.errors import InvalidEvent
from aivalue.events.event import Event
from aivalue.events.kafka_binding import decode_record
from services.ingest.batch import DeadLetter, LogRecord, Origin, Record, Stretch, sha256_of
from services.ingest.reading.decoding import TOGETHER, decode_stretch

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ORIGIN = Origin(log_id=1, partition=0, epoch=1, next_offset=0, head_hash=bytes(32))
STRUCTURED = [("content-type", b"application/cloudevents+json")]
MEASURED = {"kpi": "k", "unit": "u", "value": "1.5"}
RATIO = {"kpi": "k", "unit": "u", "numerator": "3", "denominator": "20"}
ATTRIBUTES = {
    "specversion": "1.0", "source": "urn:s", "type": "aivalue.measurement.recorded.v1",
    "time": "2026-04-30T10:00:00+02:00",
}  # fmt: skip
DECISION = {
    "decision": "d", "model": "m", "version": "1", "unit": "u", "action": "approve",
}  # fmt: skip
# By kind, what such an event says in place of what a plain one says.
SAYING: dict[str, dict[str, object]] = {
    "number": {"data": {**MEASURED, "value": 1.25}},
    "exponent": {"data": {**MEASURED, "value": 1.25}},
    "ratio": {"data": RATIO},
    "extended": {
        "subject": "line 1, left", "sequence": "7", "recordedtime": ATTRIBUTES["time"],
    },
    "correcting": {"supersedes": "e-0"},
    "umlaut": {"data": {**MEASURED, "unit": "Münster"}},
    "decision": {"type": "aivalue.decision.made.v1", "data": DECISION},
}  # fmt: skip
KINDS = (
    "plain", "plain", "plain", "number", "ratio", "spaced", "extended", "binary", "decision",
    "cut", "twice", "null", "correcting", "umlaut", "exponent",
)  # fmt: skip


def record(number: int, kind: str) -> Record:
    """Make one record of a kind; its id is its number."""
    event: dict[str, object] = {**ATTRIBUTES, "id": f"e-{number}", "data": MEASURED}
    headers: list[tuple[str, bytes | None]] = [*STRUCTURED]
    event |= SAYING.get(kind, {})
    value: bytes | None = json.dumps(
        event, separators=None if kind == "spaced" else (",", ":"), ensure_ascii=False
    ).encode()
    if kind == "binary":
        headers = [(f"ce_{name}", text.encode()) for name, text in ATTRIBUTES.items()]
        headers += [("ce_id", f"e-{number}".encode()), ("content-type", b"application/json")]
        value = json.dumps(MEASURED).encode()
    elif kind == "cut":
        value = (value or b"")[: 10 + 3 * number % 150]
    elif kind == "twice":
        value = (value or b"").replace(b'"unit":"u"', b'"unit":"v","unit":"u"')
    elif kind == "exponent":
        value = (value or b"").replace(b"1.25", b"1e9999999999999999999")
    elif kind == "null":
        value = None
    return Record(offset=number, timestamp=number, key=None, value=value, headers=headers)


def one_by_one(records: list[Record]) -> tuple[list[Event], list[int], list[int], bytes]:
    """Read records as if each came alone."""
    events: list[Event] = []
    kept: list[int] = []
    dead: list[int] = []
    digest = hashlib.sha256()
    for each in records:
        try:
            event = decode_record(each.value, each.headers, now=NOW)
        except InvalidEvent:
            dead.append(each.offset)
            digest.update(sha256_of(each))
        else:
            events.append(event)
            kept.append(each.offset)
            digest.update(event.fingerprint)
    return events, kept, dead, digest.digest()


def offsets(found: list[LogRecord] | list[DeadLetter]) -> list[int]:
    return [each.place.offset if isinstance(each, DeadLetter) else each.offset for each in found]


def read(stretch: Stretch) -> tuple[list[Event], list[int], list[int], bytes]:
    return (
        list(stretch.events), offsets([*stretch.kept]), offsets([*stretch.dead]), stretch.sha256,
    )  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 20)), min_size=1, max_size=6))
@example([("plain", 2 * TOGETHER + 3)])
@example([("binary", TOGETHER + 1)])
@example([("plain", 200), ("cut", 1), ("plain", 100)])
@example([("plain", 200), ("twice", 1), ("plain", 100)])
@example([("plain", 30), ("decision", 1), ("binary", 20), ("cut", 2), ("umlaut", 30)])
@example([("ratio", 20), ("number", 20), ("spaced", 20)])
@example([("number", 20), ("exponent", 1), ("number", 20)])
def test_records_are_read_together_as_one_by_one(runs: list[tuple[str, int]]) -> None:
    kinds = [kind for kind, n in runs for _ in range(n)]
    records = [record(number, kind) for number, kind in enumerate(kinds)]

    stretch = decode_stretch(ORIGIN, records, now=NOW)

    assert read(stretch) == one_by_one(records)
    assert [letter.record for letter in stretch.dead] == [
        records[offset] for offset in offsets([*stretch.dead])
    ]
