"""Events to the input topics: acknowledged by every in-sync replica, judged by ingest later."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from aivalue.cli.events.delivery import REJECTED, Result
from aivalue.cli.events.prepared import Line
from aivalue.cli.service_calls import CallFailed
from aivalue.events.encode import CONTENT_TYPE, STRUCTURED
from aivalue.events.topics import BUSINESS, DATA_BY_TYPE, topic_of
from aivalue.runtime.kafka import create_producer, require_reachable
from aivalue.runtime.settings import KafkaSettings

SENT = "sent"


class _Keyed(msgspec.Struct, frozen=True, gc=False):
    unit: str | None = None


class _Routed(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    id: str | None = None
    data: _Keyed = _Keyed()


_routes = msgspec.json.Decoder(_Routed)


class KafkaSender:
    """Produces structured CloudEvents, keyed by unit so that a unit's events stay in order."""

    def __init__(self, producer: AIOKafkaProducer, settings: KafkaSettings, tenant: str) -> None:
        self._producer = producer
        self._settings = settings
        self._tenant = tenant

    @property
    def target(self) -> str:
        """Broker and topic."""
        topic = self._settings.input_topic(self._tenant, BUSINESS)
        return f"kafka:{self._settings.bootstrap}/{topic}"

    async def send(self, lines: Sequence[Line]) -> list[Result]:
        """Produce a batch and wait until it is acknowledged.

        Raises
        ------
        CallFailed
            The broker is away or refuses.
        """
        try:
            waiting = [await self._produced(line) for line in lines]
            results = [each if isinstance(each, Result) else None for each in waiting]
            await asyncio.gather(*(each for each in waiting if not isinstance(each, Result)))
        except KafkaError as error:
            raise CallFailed(f"{self.target}: {type(error).__name__}: {error}") from error
        return [each or Result(status=SENT) for each in results]

    async def _produced(self, line: Line) -> Result | asyncio.Future[object]:
        try:
            routed = _routes.decode(line.value)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return Result(status=REJECTED, reason="schema", detail=str(error))
        data = DATA_BY_TYPE.get(routed.type)
        topic = BUSINESS if data is None else topic_of(data)
        acknowledged: asyncio.Future[object] = await self._producer.send(
            self._settings.input_topic(self._tenant, topic),
            value=line.value,
            key=None if routed.data.unit is None else routed.data.unit.encode(),
            headers=[(CONTENT_TYPE, STRUCTURED)],
        )
        return acknowledged


@contextlib.asynccontextmanager
async def kafka_sender(settings: KafkaSettings, tenant: str) -> AsyncIterator[KafkaSender]:
    """Open a producer.

    Raises
    ------
    CallFailed, BrokerUnusable
        The tenant has no topics, or the broker is away.
    """
    if tenant not in settings.tenants:
        raise CallFailed(f"tenant {tenant!r} has no topics; known are {sorted(settings.tenants)}")
    producer = create_producer(settings, client_id="aivalue-events")
    try:
        await require_reachable(settings, producer)
        yield KafkaSender(producer, settings, tenant)
    except KafkaError as error:
        raise CallFailed(f"{settings.bootstrap}: {type(error).__name__}: {error}") from error
    finally:
        await producer.stop()
