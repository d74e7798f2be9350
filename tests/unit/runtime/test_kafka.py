"""Whether a client can be closed that was cancelled while connecting, and who cannot is told."""

import asyncio
from pathlib import Path

import pytest

from aivalue.runtime.kafka import BrokerUnusable, create_admin, require_reachable, start
from aivalue.runtime.settings import KafkaSettings


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


async def test_who_cannot_connect_is_told_which_variable_says_where() -> None:
    settings = KafkaSettings(bootstrap="127.0.0.1:1")
    admin = create_admin(settings, client_id="test")

    with pytest.raises(BrokerUnusable, match=r"^127\.0\.0\.1:1 by PLAINTEXT .*AIVALUE_KAFKA__"):
        await require_reachable(settings, admin)

    await admin.close()


async def test_a_file_of_certificates_that_is_none_is_named(tmp_path: Path) -> None:
    for file in (tmp_path / "absent", tmp_path):
        settings = KafkaSettings(security_protocol="SSL", ca_file=file)

        with pytest.raises(BrokerUnusable, match=rf"^AIVALUE_KAFKA__CA_FILE: {file}: "):
            create_admin(settings, client_id="test")
