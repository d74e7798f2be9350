"""Event to bytes, for producers: the inverse of decode, in every content mode."""

from datetime import datetime
from typing import Literal

import msgspec

from aivalue.events.attributes import SPECVERSION
from aivalue.events.fields import EventData
from aivalue.events.topics import type_of

CONTENT_TYPE = "content-type"
STRUCTURED = b"application/cloudevents+json; charset=UTF-8"
_encoder = msgspec.json.Encoder(order="deterministic")


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A Kafka record to be."""

    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def http_event(
    data: EventData,
    *,
    source: str,
    event_id: str,
    time: datetime,
    **optional: str,
) -> dict[str, object]:
    """Build an event in JSON format; `optional` are further attributes such as `supersedes`.

    Raises
    ------
    ValueError
        A naive time: nobody knows which instant it means.
    """
    if time.tzinfo is None:
        raise ValueError(f"time must have an offset, got {time.isoformat()}")
    return {
        "specversion": SPECVERSION,
        "id": event_id,
        "source": source,
        "type": type_of(data),
        "time": time.isoformat(),
        "datacontenttype": "application/json",
        **optional,
        "data": msgspec.to_builtins(data),
    }


def kafka_message(
    data: EventData,
    *,
    source: str,
    event_id: str,
    time: datetime,
    key: str | None = None,
    mode: Literal["structured", "binary"] = "structured",
    **optional: str,
) -> Message:
    """Build a record; the default key keeps what is measured on one unit in order."""
    event = http_event(data, source=source, event_id=event_id, time=time, **optional)
    key = key if key is not None else getattr(data, "unit", None)
    encoded_key = None if key is None else str(key).encode()
    if mode == "structured":
        headers = [(CONTENT_TYPE, STRUCTURED)]
        return Message(key=encoded_key, value=_encoder.encode(event), headers=headers)
    value = _encoder.encode(event.pop("data"))
    headers = [(CONTENT_TYPE, str(event.pop("datacontenttype")).encode())]
    headers += [(f"ce_{name}", str(text).encode()) for name, text in event.items()]
    return Message(key=encoded_key, value=value, headers=headers)
