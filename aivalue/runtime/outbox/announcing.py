"""An announcement as an outbox message: it stands in the transaction that made it true."""

from collections.abc import Mapping
from datetime import datetime

from aivalue.events.announcement import encode_announcement
from aivalue.events.topics import VALUE
from aivalue.runtime.outbox.queries import Message
from aivalue.runtime.settings import KafkaSettings


def announcement(
    kind: str,
    *,
    tenant: str,
    subject: str,
    now: datetime,
    data: Mapping[str, object],
    kafka: KafkaSettings,
) -> Message:
    """Build one message; those about one subject stay in order."""
    return Message(
        tenant=tenant,
        topic=kafka.internal_topic(VALUE),
        key=f"{tenant}|{subject}".encode(),
        value=encode_announcement(kind, tenant=tenant, subject=subject, now=now, data=data),
    )
