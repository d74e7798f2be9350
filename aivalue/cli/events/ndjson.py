"""CloudEvents from a file, one JSON object a line: every line is checked before one is sent."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from aivalue.cli.events.prepared import Complaints, Line, Prepared, new_digest
from aivalue.cli.events.seen_queries import SeenEvents
from aivalue.errors import InvalidEvent
from aivalue.events.decode import EVENT_BYTES_MAX, decode_structured

_ANY_JSON = msgspec.json.Decoder(msgspec.Raw)


def prepare_ndjson(path: Path, *, now: datetime, check: bool = True) -> Prepared:
    """Read the file once; without `check` only that every line is JSON is made sure of.

    Raises
    ------
    UnreadableEvents
        Lines are not events, or two lines claim one id and say different things.
    """
    complaints, digest = Complaints(), new_digest()
    n_events = n_repeated = 0
    with SeenEvents() as seen:
        for line in _lines(path):
            n_events += 1
            digest.update(line.value + b"\n")
            where = f"{path}:{line.number}"
            try:
                if not check:
                    _require_json(line.value)
                    continue
                event = decode_structured(line.value, now=now)
            except InvalidEvent as error:
                complaints.add(f"{where}: {error.path}", str(error))
                continue
            earlier = seen.earlier(event, line=line.number)
            if earlier is not None and earlier[1]:
                n_repeated += 1
            elif earlier is not None:
                complaints.add(
                    f"{where}: $.id",
                    f"{event.id!r} stands on line {earlier[0]} too and says something else there",
                )
    if not n_events:
        complaints.add(f"{path}:1", "the file holds no event")
    complaints.raise_any(n_lines=n_events)
    return Prepared(
        name=str(path),
        n_events=n_events,
        digest=digest.hexdigest(),
        lines=lambda: _lines(path),
        n_repeated=n_repeated,
    )


def _require_json(value: bytes) -> None:
    try:
        _ANY_JSON.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidEvent(str(error), reason="not_json") from error


def _lines(path: Path) -> Iterator[Line]:
    with path.open("rb") as file:
        number = 0
        while value := file.readline(2 * EVENT_BYTES_MAX):
            number += 1
            value = value.removeprefix(b"\xef\xbb\xbf") if number == 1 else value
            if stripped := value.strip():
                yield Line(number=number, value=stripped)
