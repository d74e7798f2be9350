"""A service on peers that a test may change."""

from collections.abc import AsyncIterator

import pytest

from aivalue.runtime import http_client
from tests.service.reporting.harness import Service, service_of
from tests.service.reporting.world import Peers


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once: no test waits for a peer that is down by design."""
    monkeypatch.setattr(http_client, "BACKOFF_SECONDS", 0.0)


@pytest.fixture
def peers() -> Peers:
    """Return both services with four initiatives."""
    return Peers()


@pytest.fixture
async def service(peers: Peers) -> AsyncIterator[Service]:
    """Yield a service that has read nothing yet."""
    async with service_of(peers) as running:
        yield running
