"""Create the topics that the services need, once, before any of them starts.

In production brokers create no topic by themselves, because a mistyped name would become one.
Run as `python -m aivalue.runtime.topics`; topics that exist keep their configuration.
"""

import asyncio
import sys

from aivalue.errors import AivalueError
from aivalue.events import topics
from aivalue.runtime.kafka import ensure_topics
from aivalue.runtime.settings import KafkaSettings, RuntimeSettings, read_settings


def topic_names(settings: KafkaSettings) -> list[str]:
    """Name every tenant's input topics and what the services publish to each other."""
    inputs = [
        settings.input_topic(tenant, topic)
        for tenant in settings.tenants
        for topic in topics.INPUTS
    ]
    internal = [settings.internal_topic(topic) for topic in (topics.CHANGES, topics.VALUE)]
    return sorted({*inputs, *internal})


async def create_topics(settings: KafkaSettings) -> None:
    """Create those that are missing."""
    await ensure_topics(settings, topic_names(settings))


async def _create_as_told() -> None:
    await create_topics(read_settings(RuntimeSettings).kafka)


if __name__ == "__main__":
    try:
        asyncio.run(_create_as_told())
    except AivalueError as complaint:
        sys.exit(str(complaint))
