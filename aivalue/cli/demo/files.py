"""A user's own events from a file: CloudEvents, one JSON object a line, or measurements as CSV.

Everything is checked before the first record is sent, so that a file with a mistake in line
90,000 changes nothing.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from aivalue.cli.demo.case import Addressed, Case
from aivalue.errors import AivalueError, InvalidEvent
from aivalue.events.business import MeasurementRecorded
from aivalue.events.decode import decode_structured
from aivalue.events.encode import CONTENT_TYPE, STRUCTURED, Message, kafka_message
from aivalue.events.topics import topic_of
from aivalue.runtime.clock import utc_now

COMPLAINTS_MAX = 20
CSV_COLUMNS = (
    "kpi", "unit", "time", "segment", "arm", "value", "numerator", "denominator", "id", "source",
)  # fmt: skip


class UnreadableFile(AivalueError):
    """Lines of a file are not events; the message names the first of them with their reasons."""


def case_of(events: Path, definitions: Path) -> Case:
    """Describe a user's own case.

    Raises
    ------
    UnreadableFile
        A line is not an event, or the file is neither NDJSON nor CSV.
    """
    readers = {".ndjson": _ndjson, ".jsonl": _ndjson, ".csv": _csv}
    reader = readers.get(events.suffix)
    if reader is None:
        raise UnreadableFile(f"{events} ends in {events.suffix!r}, needs one of {sorted(readers)}")
    complaints: list[str] = []
    n_events = 0
    for line, event in reader(events):
        n_events += 1
        if isinstance(event, InvalidEvent):
            complaints.append(f"{events}:{line}: {event.path}: {event}")
    if complaints:
        shown = "\n".join(complaints[:COMPLAINTS_MAX])
        raise UnreadableFile(f"{len(complaints)} of {n_events} lines are not events:\n{shown}")
    if not n_events:
        raise UnreadableFile(f"{events} holds no event")
    return Case(
        name=events.stem,
        title=f"{events.name}: {n_events:,} events of your own",
        definitions=definitions,
        events=lambda: _valid(reader(events)),
        n_events=n_events,
    )


def _valid(lines: Iterator[tuple[int, Addressed | InvalidEvent]]) -> Iterator[Addressed]:
    return (event for _, event in lines if isinstance(event, Addressed))


def _ndjson(path: Path) -> Iterator[tuple[int, Addressed | InvalidEvent]]:
    now = utc_now()
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            value = line.strip()
            if not value:
                continue
            try:
                event = decode_structured(value, now=now)
            except InvalidEvent as error:
                yield number, error
                continue
            unit = json.loads(value)["data"].get("unit")
            key = None if unit is None else str(unit).encode()
            message = Message(key=key, value=value, headers=[(CONTENT_TYPE, STRUCTURED)])
            yield number, Addressed(topic_of(type(event.data)), message)


def _csv(path: Path) -> Iterator[tuple[int, Addressed | InvalidEvent]]:
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        unknown = set(reader.fieldnames or ()) - set(CSV_COLUMNS)
        missing = {"kpi", "unit", "time"} - set(reader.fieldnames or ())
        if unknown or missing:
            raise UnreadableFile(
                f"{path}:1: columns {sorted(unknown)} are unknown and {sorted(missing)} missing; "
                f"a measurement has {', '.join(CSV_COLUMNS)}"
            )
        for row in reader:
            try:
                yield reader.line_num, _measurement(row, path)
            except (InvalidEvent, ValueError, InvalidOperation) as error:
                reason = error if isinstance(error, InvalidEvent) else _unreadable(row, error)
                yield reader.line_num, reason


def _unreadable(row: Mapping[str, str], error: Exception) -> InvalidEvent:
    message = str(error) if isinstance(error, ValueError) else f"not a number in {dict(row)}"
    return InvalidEvent(message, reason="schema")


def _measurement(row: Mapping[str, str], path: Path) -> Addressed:
    """Read a row; without an id its keys are its identity, so that a second import adds nothing."""
    numbers = {
        name: Decimal(row[name]) for name in ("value", "numerator", "denominator") if row.get(name)
    }
    measured = {
        "kpi": row["kpi"],
        "unit": row["unit"],
        "segment": row.get("segment") or "",
        "arm": row.get("arm") or "",
    }
    identity = row.get("id") or "/".join([*measured.values(), row["time"]])
    message = kafka_message(
        MeasurementRecorded(**measured, **numbers),  # type: ignore[arg-type]  # decode checks it
        source=row.get("source") or f"urn:file:{path.stem}",
        event_id=identity,
        time=datetime.fromisoformat(row["time"]),
    )
    decode_structured(message.value, now=utc_now())
    return Addressed(topic_of(MeasurementRecorded), message)
