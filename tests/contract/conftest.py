"""The four services together, for every test about what they say to each other."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.system import SERVICES, System, running


@pytest.fixture(scope="session")
def schemas() -> tuple[str, ...]:
    """Migrate for all services."""
    return SERVICES


@pytest.fixture
async def system(database_url: str, unique: str) -> AsyncIterator[System]:
    async with running(database_url, unique) as together:
        yield together
