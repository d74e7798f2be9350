"""What the service tells the others: structured CloudEvents for `aivalue.value.v1`.

They stand in the outbox of the transaction that made them true. The id is derived from the
content, so a consumer recognises a repeated delivery.
"""

from collections.abc import Mapping
from datetime import datetime

from aivalue.events.topics import VALUE
from aivalue.kpis.canonical import Json, canonical_bytes, sha256_of
from aivalue.runtime.outbox.queries import Message
from aivalue.runtime.settings import KafkaSettings

SOURCE = "urn:aivalue:attribution"
COMPLETED = "aivalue.attribution.completed.v1"
RULES_CHANGED = "aivalue.valuation_rules.changed.v1"


def announcement(
    kind: str,
    *,
    tenant: str,
    subject: str,
    now: datetime,
    data: Mapping[str, Json],
    kafka: KafkaSettings,
) -> Message:
    """Build one event; events of one subject stay in order."""
    time = now.isoformat()
    event: dict[str, Json] = {
        "specversion": "1.0",
        "id": sha256_of({"type": kind, "tenant": tenant, "time": time, "data": dict(data)}),
        "source": SOURCE,
        "type": kind,
        "time": time,
        "datacontenttype": "application/json",
        "tenant": tenant,
        "subject": subject,
        "data": dict(data),
    }
    return Message(
        tenant=tenant,
        topic=kafka.internal_topic(VALUE),
        key=f"{tenant}|{subject}".encode(),
        value=canonical_bytes(event),
    )
