"""A proxy before PostgreSQL that swallows replies to COMMIT, goes silent, or cuts connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# A whole simple-query message: its length, then the statement, as asyncpg's transactions send it.
COMMIT = b"COMMIT;\x00"


async def until_one_ends(
    both: Sequence[asyncio.Future[None]],
    writers: set[asyncio.StreamWriter],
    ends: set[asyncio.StreamWriter],
) -> None:
    """Pass both directions on until one ends; then reset the connection, and forget its ends."""
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for direction in both:
            direction.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        writers.difference_update(ends)
        for each in ends:
            each.transport.abort()


@dataclass(kw_only=True)
class Proxy:
    """What it does to connections now.

    Attributes
    ----------
    swallow_every : drop the connection in place of the reply to every nth COMMIT of a writer
    silent : pass nothing on, in either direction, and close nothing
    delay_seconds : hold back every chunk that the server sends
    delay_commit_seconds : hold back every COMMIT of a writer
    """

    host: str
    port: int
    swallow_every: int = 0
    silent: bool = False
    delay_seconds: float = 0
    delay_commit_seconds: float = 0
    n_commits: int = 0
    n_swallowed: int = 0
    address: str = ""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Reset every connection."""
        for writer in list(self.writers):
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection through."""
        server_reader, server_writer = await asyncio.open_connection(self.host, self.port)
        self.writers |= {writer, server_writer}
        swallowing = asyncio.Event()
        both = [
            asyncio.ensure_future(self._to_server(reader, server_writer, swallowing)),
            asyncio.ensure_future(self._to_client(server_reader, writer, swallowing)),
        ]
        await until_one_ends(both, self.writers, {writer, server_writer})

    async def _to_server(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        swallowing: asyncio.Event,
    ) -> None:
        writes = False
        while chunk := await reader.read(65_536):
            await self._while_silent()
            # Connections that only claim are left alone: their names say which they are.
            writes = writes or b"ingest-writer" in chunk or b"ingest-naive" in chunk
            if writes and chunk.endswith(COMMIT) and self.swallow_every:
                self.n_commits += 1
                if self.n_commits % self.swallow_every == 0:
                    swallowing.set()
            if writes and chunk.endswith(COMMIT):
                await asyncio.sleep(self.delay_commit_seconds)
            writer.write(chunk)
            await writer.drain()

    async def _to_client(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        swallowing: asyncio.Event,
    ) -> None:
        while chunk := await reader.read(65_536):
            await self._while_silent()
            if swallowing.is_set():
                # The server has answered, so it has committed; the client never hears of it.
                self.n_swallowed += 1
                return
            await asyncio.sleep(self.delay_seconds)
            writer.write(chunk)
            await writer.drain()

    async def _while_silent(self) -> None:
        while self.silent:  # noqa: ASYNC110 - the test says when it ends
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def proxy_before(address: str) -> AsyncIterator[Proxy]:
    """Run a proxy before a PostgreSQL address; `address` is its own."""
    parts = urlsplit(address)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = Proxy(host=parts.hostname, port=parts.port)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                await proxy.serve(reader, writer)
        finally:
            # Also of who came when the server could not be reached, or the test was over.
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy.address = address.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{port}")
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        # What is aborted is closed a step later.
        await asyncio.sleep(0)
