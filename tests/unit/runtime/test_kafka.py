"""Whether a client that is cancelled while it connects can still be closed."""

import asyncio

import pytest

from aivalue.runtime.kafka import start


class Connecting:
    """A client that connects when it is let."""

    def __init__(self) -> None:
        self.may_connect = asyncio.Event()
        self.connected = False

    async def start(self) -> None:
        """Connect."""
        await self.may_connect.wait()
        self.connected = True


async def test_who_is_cancelled_while_connecting_has_connected_before_it_ends() -> None:
    client = Connecting()
    starting = asyncio.ensure_future(start(client))
    await asyncio.sleep(0)
    starting.cancel()
    await asyncio.sleep(0)
    assert not starting.done()

    client.may_connect.set()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert client.connected
