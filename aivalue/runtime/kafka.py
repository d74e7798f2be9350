"""Kafka clients with every default that loses data turned off.

Differences between brokers are settings: the embedded broker knows no idempotent producer.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownError, for_code
from aiokafka.helpers import create_ssl_context

from aivalue.errors import AivalueError
from aivalue.runtime.bare_records import bare
from aivalue.runtime.settings import KafkaSettings

RETENTION_MS = 30 * 24 * 3_600_000
# How long a client that is connecting may keep its owner, who is ending, waiting.
START_SECONDS = 5.0


class BrokerUnusable(AivalueError):
    """Kafka does not answer, lets this user not in, or refuses what is asked."""


def create_producer(settings: KafkaSettings, *, client_id: str) -> AIOKafkaProducer:
    """Create a producer whose acknowledgement means that every in-sync replica has the record."""
    return AIOKafkaProducer(
        **_connection(settings),
        client_id=client_id,
        acks="all",
        enable_idempotence=settings.idempotent_producer,
        compression_type="lz4",
        linger_ms=5,
        max_batch_size=256 * 1024,
    )


def create_consumer(
    settings: KafkaSettings,
    *,
    group: str | None,
    client_id: str,
    max_poll_records: int = 5_000,
    is_bare: bool = False,
) -> AIOKafkaConsumer:
    """Create a consumer that never guesses a position and never shows an aborted record.

    Its records, where they are bare, know neither topic nor partition.

    `auto_offset_reset="none"`: where a position is unknown the consumer raises instead of
    skipping to the end.
    """
    return AIOKafkaConsumer(
        **_connection(settings),
        client_id=client_id,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        check_crcs=True,
        max_poll_records=max_poll_records,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        session_timeout_ms=settings.session_timeout_ms,
        rebalance_timeout_ms=settings.rebalance_timeout_ms,
        heartbeat_interval_ms=settings.heartbeat_interval_ms,
        max_poll_interval_ms=300_000,
        value_deserializer=bare if is_bare else None,
        metadata_max_age_ms=30_000,
    )


def create_admin(settings: KafkaSettings, *, client_id: str) -> AIOKafkaAdminClient:
    """Create a client for topics and groups."""
    return AIOKafkaAdminClient(**_connection(settings), client_id=client_id)


class Startable(Protocol):
    """A producer, a consumer or an admin client."""

    async def start(self) -> None:
        """Connect."""


async def start(client: Startable) -> None:
    """Connect a client; where that is cancelled, let it finish first.

    aiokafka forgets the connection by which it was asking for the cluster's brokers, so that
    nobody could close it: "Task was destroyed but it is pending".
    """
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting], timeout=START_SECONDS)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        raise


async def require_reachable(settings: KafkaSettings, client: Startable) -> None:
    """Connect a client.

    Raises
    ------
    BrokerUnusable
        The message says where, why not, and which variables name another place.
    """
    # What it logs on the way is in what it raises at the end.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    try:
        await start(client)
    except (KafkaError, OSError, ValueError) as error:
        said = str(error).removeprefix(type(error).__name__ + ": ")
        if isinstance(client, AIOKafkaProducer) and isinstance(error, UnknownError):
            # What brokers answer that do not know the request: the embedded one.
            needed = "AIVALUE_KAFKA__IDEMPOTENT_PRODUCER=false"
            said = f"{said}, a broker without idempotent producers needs {needed}"
        raise BrokerUnusable(
            f"{settings.bootstrap} by {settings.security_protocol} cannot be used ({said}); "
            "AIVALUE_KAFKA__BOOTSTRAP and its like say where and how"
        ) from error


async def ensure_topics(settings: KafkaSettings, topics: Iterable[str]) -> None:
    """Create the topics that are missing; those that exist keep their configuration.

    Raises
    ------
    BrokerUnusable
        It does not answer, or refuses a topic.
    """
    admin = create_admin(settings, client_id="aivalue-topics")
    try:
        await require_reachable(settings, admin)
        existing = set(await admin.list_topics())
        missing = [
            NewTopic(
                name=topic,
                num_partitions=settings.partitions,
                replication_factor=settings.replication_factor,
                topic_configs={"cleanup.policy": "delete", "retention.ms": str(RETENTION_MS)},
            )
            for topic in sorted(set(topics) - existing)
        ]
        if not missing:
            return
        response = await admin.create_topics(missing)
        for topic, code, *message in response.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                said = f": {message[0]}" if message and message[0] else ""
                raise BrokerUnusable(f"topic {topic} cannot be created: {error.__name__}{said}")
    finally:
        await admin.close()


def _connection(settings: KafkaSettings) -> dict[str, object]:
    connection: dict[str, object] = {
        "bootstrap_servers": settings.bootstrap,
        "security_protocol": settings.security_protocol,
        "request_timeout_ms": 30_000,
    }
    if settings.security_protocol.endswith("SSL"):
        cafile = None if settings.ca_file is None else str(settings.ca_file)
        try:
            connection["ssl_context"] = create_ssl_context(cafile=cafile)
        except OSError as error:
            raise BrokerUnusable(f"AIVALUE_KAFKA__CA_FILE: {cafile}: {error.strerror}") from error
    if settings.security_protocol.startswith("SASL"):
        password = settings.sasl_password
        connection |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": None if password is None else password.get_secret_value(),
        }
    return connection
