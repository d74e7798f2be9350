"""What ingest tells the others: which series, interventions or costs changed.

Published on the changes topic in JSON format, the tenant in the extension attribute `tenant`:
the topic is ours, so here the payload may name it.
"""

from datetime import date, datetime
from typing import ClassVar

import msgspec

from aivalue.errors import InvalidEvent
from aivalue.events.attributes import SPECVERSION
from aivalue.events.fields import EventData, Name

SOURCE = "urn:aivalue:ingest"


class SeriesChanged(EventData, frozen=True, kw_only=True):
    """Days of a KPI have other statistics than before; `end` is the day after the last."""

    TYPE: ClassVar[str] = "aivalue.series.changed.v1"

    kpi: Name
    units: list[str]
    start: date
    end: date
    snapshot: str


class InterventionsChanged(EventData, frozen=True, kw_only=True):
    """An initiative has an intervention more, or one less."""

    TYPE: ClassVar[str] = "aivalue.interventions.changed.v1"

    initiative: Name


class CostsChanged(EventData, frozen=True, kw_only=True):
    """An initiative has a cost more, or one less."""

    TYPE: ClassVar[str] = "aivalue.costs.changed.v1"

    initiative: Name


Changed = SeriesChanged | InterventionsChanged | CostsChanged
_TYPES: dict[str, type[Changed]] = {
    data.TYPE: data for data in (SeriesChanged, InterventionsChanged, CostsChanged)
}


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    tenant: str
    datacontenttype: str = "application/json"
    data: msgspec.Raw


_envelopes = msgspec.json.Decoder(_Envelope)
_encoder = msgspec.json.Encoder(order="deterministic")


def encode_change(change: Changed, *, tenant: str, event_id: str, time: datetime) -> bytes:
    """Write the record's value."""
    return _encoder.encode(
        _Envelope(
            specversion=SPECVERSION,
            id=event_id,
            source=SOURCE,
            type=change.TYPE,
            time=time,
            tenant=tenant,
            data=msgspec.Raw(_encoder.encode(change)),
        )
    )


def decode_change(value: bytes) -> tuple[str, Changed] | None:
    """Return tenant and change; None for a type that a newer ingest may have added.

    Raises
    ------
    InvalidEvent
        Not a change event.
    """
    try:
        envelope = _envelopes.decode(value)
        data = _TYPES.get(envelope.type)
        if data is None:
            return None
        return envelope.tenant, msgspec.json.decode(envelope.data, type=data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidEvent(str(error), reason="schema") from error
