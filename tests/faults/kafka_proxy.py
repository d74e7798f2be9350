"""A proxy before a Kafka broker that puts error codes into its answers.

Answers are read and written by aiokafka's own classes of the protocol. Addresses in them are
replaced, so that clients come back through the proxy.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

from aiokafka.protocol import commit, coordination, fetch, group, metadata, offset
from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.types import Array, Schema

from tests.faults.proxy import until_one_ends

FETCH: Final = 1
LIST_OFFSETS: Final = 2
METADATA: Final = 3
OFFSET_COMMIT: Final = 8
FIND_COORDINATOR: Final = 10
JOIN_GROUP: Final = 11
HEARTBEAT: Final = 12
SYNC_GROUP: Final = 14
_LENGTH_BYTES: Final = 4


def _requests() -> Iterator[type[RequestStruct]]:
    for module in (commit, coordination, fetch, group, metadata, offset):
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, RequestStruct):
                yield each


_ANSWERS: Final[Mapping[tuple[int, int], type[Response]]] = {
    (each.API_KEY, each.API_VERSION): each.RESPONSE_TYPE
    for each in _requests()
    if each is not RequestStruct and not each.FLEXIBLE_VERSION
}


@dataclass(kw_only=True)
class KafkaProxy:
    """What it does to answers now.

    Attributes
    ----------
    armed : error codes that the next answers of an API hold, in this order
    n_given : how many answers were changed
    away : nobody can connect
    """

    host: str
    port: int
    own_port: int = 0
    armed: dict[int, list[int]] = field(default_factory=dict)
    n_given: int = 0
    away: bool = False
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.own_port}"

    @property
    def is_armed(self) -> bool:
        """Whether answers are still to be changed."""
        return any(self.armed.values())

    def arm(self, *codes: tuple[int, int], n: int = 1) -> None:
        """Let the next answers of APIs hold a code each, as (API, code)."""
        for api, code in codes:
            self.armed.setdefault(api, []).extend([code] * n)

    def cut(self) -> None:
        """Reset every connection."""
        for writer in list(self.writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection through."""
        if self.away:
            writer.transport.abort()
            return
        server_reader, server_writer = await asyncio.open_connection(self.host, self.port)
        self.writers |= {writer, server_writer}
        asked: dict[int, tuple[int, int]] = {}
        both = [
            asyncio.ensure_future(self._requests(reader, server_writer, asked)),
            asyncio.ensure_future(self._answers(server_reader, writer, asked)),
        ]
        await until_one_ends(both, self.writers, {writer, server_writer})

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asked: dict[int, tuple[int, int]],
    ) -> None:
        while True:
            frame = await _frame(reader)
            api, version = int.from_bytes(frame[:2], "big"), int.from_bytes(frame[2:4], "big")
            asked[int.from_bytes(frame[4:8], "big")] = api, version
            writer.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
            await writer.drain()

    async def _answers(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        asked: dict[int, tuple[int, int]],
    ) -> None:
        while True:
            frame = await _frame(reader)
            api, version = asked.pop(int.from_bytes(frame[:4], "big"))
            answer = _ANSWERS.get((api, version))
            if answer is not None:
                frame = frame[:4] + self._changed(api, answer, frame[4:])
            writer.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
            await writer.drain()

    def _changed(self, api: int, answer: type[Response], body: bytes) -> bytes:
        armed = self.armed.get(api)
        if not armed and api not in {METADATA, FIND_COORDINATOR}:
            return body
        new: dict[str, object] = {"host": "127.0.0.1", "port": self.own_port}
        if armed:
            # A broker that refuses sends no records.
            new |= {"error_code": armed[0], "message_set": b""}
        schema, stream = answer.SCHEMA, BytesIO(body)
        replaced = _replaced(schema, [each.decode(stream) for each in schema.fields], new)
        changed: bytes = schema.encode(replaced)
        if armed and _holds(schema, replaced, armed[0]):
            armed.pop(0)
            self.n_given += 1
        return changed


def _replaced(schema: Schema, values: Sequence[object], new: Mapping[str, object]) -> list[object]:
    """Replace fields by name, wherever they stand."""
    replaced: list[object] = []
    for name, of, value in zip(schema.names, schema.fields, values, strict=True):
        if isinstance(of, Array) and isinstance(of.array_of, Schema) and isinstance(value, list):
            replaced.append([_replaced(of.array_of, each, new) for each in value])
        else:
            replaced.append(new.get(name, value))
    return replaced


def _holds(schema: Schema, values: Sequence[object], code: int) -> bool:
    """Say whether an answer speaks of anything that could be refused."""
    for name, of, value in zip(schema.names, schema.fields, values, strict=True):
        if isinstance(of, Array) and isinstance(of.array_of, Schema) and isinstance(value, list):
            if any(_holds(of.array_of, each, code) for each in value):
                return True
        elif name == "error_code" and value == code:
            return True
    return False


async def _frame(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    return await reader.readexactly(length)


@contextlib.asynccontextmanager
async def kafka_proxy_before(broker: str) -> AsyncIterator[KafkaProxy]:
    """Run a proxy before a broker."""
    host, port = broker.rsplit(":", 1)
    proxy = KafkaProxy(host=host, port=int(port))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await proxy.serve(reader, writer)
        finally:
            # Also of who came when the server could not be reached, or the test was over.
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.own_port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        # What is aborted is closed a step later.
        await asyncio.sleep(0)
