"""The reporting service on a real PostgreSQL and broker, with peers that a test may change."""

import pytest
from pydantic import SecretStr

from aivalue.runtime.settings import DatabaseSettings, KafkaSettings
from services.reporting.settings import ReportingGroup, ReportingSettings
from tests.service.reporting.world import TENANT, Peers, settings


@pytest.fixture
def peers() -> Peers:
    """Return both services with four initiatives."""
    return Peers()


@pytest.fixture(scope="session")
def schemas() -> tuple[str, ...]:
    """Migrate for this service."""
    return ("reporting",)


@pytest.fixture
def migrated(database_url: str, broker: str, unique: str) -> ReportingSettings:
    """Return the settings of a migrated service that reads only when it is told to."""
    return settings(
        database=DatabaseSettings(url=SecretStr(database_url)),
        kafka=KafkaSettings(
            bootstrap=broker,
            tenants={TENANT: ""},
            internal_prefix=f"{unique}.",
            partitions=2,
            replication_factor=1,
            idempotent_producer=False,
        ),
        reporting=ReportingGroup(refresh_seconds=3_600, settle_seconds=0),
    )
