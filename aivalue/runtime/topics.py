"""Create the topics that the services need, once, before any of them starts.

In production brokers create no topic by themselves, because a mistyped name would become one.
Run as `python -m aivalue.runtime.topics`; topics that exist keep their configuration.
"""

import asyncio

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


if __name__ == "__main__":
    asyncio.run(create_topics(read_settings(RuntimeSettings).kafka))
