"""What services announce on `aivalue.value.v1`: structured CloudEvents about definitions and value.

The id is derived from the content, so a consumer recognises a repeated delivery.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aivalue.events.attributes import SPECVERSION
from aivalue.events.value import (
    AttributionCompleted,
    BaselineFrozen,
    DefinitionsChanged,
    RulesChanged,
)

DEFINITIONS_CHANGED: Final = DefinitionsChanged.TYPE
BASELINE_FROZEN: Final = BaselineFrozen.TYPE
RULES_CHANGED: Final = RulesChanged.TYPE
ATTRIBUTION_COMPLETED: Final = AttributionCompleted.TYPE
_SOURCES: Final = {
    DEFINITIONS_CHANGED: "urn:aivalue:baseline",
    BASELINE_FROZEN: "urn:aivalue:baseline",
    RULES_CHANGED: "urn:aivalue:attribution",
    ATTRIBUTION_COMPLETED: "urn:aivalue:attribution",
}


def encode_announcement(
    kind: str, *, tenant: str, subject: str, now: datetime, data: Mapping[str, object]
) -> bytes:
    """Write the record's value; equal content has equal bytes."""
    time = now.isoformat()
    identity = {"type": kind, "tenant": tenant, "time": time, "data": data}
    event = {
        "specversion": SPECVERSION,
        "id": hashlib.sha256(_canonical(identity)).hexdigest(),
        "source": _SOURCES[kind],
        "type": kind,
        "time": time,
        "datacontenttype": "application/json",
        "tenant": tenant,
        "subject": subject,
        "data": data,
    }
    return _canonical(event)


def _canonical(value: object) -> bytes:
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()
