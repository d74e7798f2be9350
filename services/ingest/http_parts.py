"""Parts of a request to events: plain ones many at once, what is between them one by one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from aivalue.errors import InvalidEvent
from aivalue.events.columns import Columns
from aivalue.events.http_binding import Headers, decode_part, is_structured
from aivalue.events.kafka_binding import CONTENT_TYPE, STRUCTURED_JSON, read_leading
from services.ingest.batch import Record

Part = tuple[bytes, Headers]
# As the headers of Kafka's records say it.
_STRUCTURED: Final = ((CONTENT_TYPE, STRUCTURED_JSON),)


def read_parts(parts: Sequence[Part], *, now: datetime) -> tuple[Columns, dict[int, InvalidEvent]]:
    """Return the events in order, and by index of the part what is wrong with what is none."""
    # What is in another mode has no headers that a record could have, and so is not plain.
    records = [
        Record(
            offset=0, timestamp=0, key=None, value=value,
            headers=_STRUCTURED if is_structured(said) else (),
        )
        for value, said in parts
    ]  # fmt: skip
    events, invalid = Columns(), dict[int, InvalidEvent]()
    at = 0
    while at < len(parts):
        plain = read_leading(records, at, len(records), now=now)
        events.extend(plain)
        at += len(plain)
        if at < len(parts):
            try:
                events.append(decode_part(*parts[at], now=now))
            except InvalidEvent as error:
                invalid[at] = error
            at += 1
    return events, invalid
