"""Whether ingest says that PostgreSQL is stuck or away, and when that is over."""

import asyncio

import httpx
import pytest
from pydantic import SecretStr

from aivalue.runtime import application
from aivalue.runtime.postgres import DatabaseUnreachable
from aivalue.runtime.settings import AuthSettings, DatabaseSettings, KafkaSettings
from services.ingest.app import create_app
from services.ingest.settings import IngestGroup, IngestSettings
from tests.faults.proxy import proxy_before


async def test_a_postgresql_that_answers_nothing_is_told_of_in_time(
    ingest_database: str, broker: str, unique: str
) -> None:
    async with proxy_before(ingest_database) as proxy:
        settings = IngestSettings(
            database=DatabaseSettings(url=SecretStr(proxy.address)),
            kafka=KafkaSettings(
                bootstrap=broker, internal_prefix=unique, idempotent_producer=False,
                partitions=1, replication_factor=1,
            ),
            auth=AuthSettings(mode="open", open_tenant="acme"),
            ingest=IngestGroup(consume=False),
        )  # fmt: skip
        app = create_app(settings)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=app), base_url="http://ingest"
            ) as client,
        ):
            before = await client.get("/readyz")
            # Connections stay open and nothing comes back, as where a disk hangs.
            proxy.silent = True
            await asyncio.sleep(application.READINESS_CACHE_SECONDS)
            async with asyncio.timeout(10 * application.READINESS_TIMEOUT_SECONDS):
                stuck = await client.get("/readyz")
            alive = await client.get("/livez")
            proxy.silent = False
            await asyncio.sleep(application.READINESS_CACHE_SECONDS)
            after = await client.get("/readyz")

    assert before.json() == after.json() == {
        "status": "ok", "dependencies": {"postgres": "ok", "kafka": "ok"},
    }  # fmt: skip
    assert stuck.status_code == 503
    assert stuck.json()["dependencies"]["postgres"] == "no answer for 2 s"
    assert alive.status_code == 200


async def test_a_start_without_postgresql_says_where_it_was_sought() -> None:
    address = "postgresql://aivalue@127.0.0.1:1/aivalue"
    app = create_app(IngestSettings(database=DatabaseSettings(url=SecretStr(address))))

    with pytest.raises(DatabaseUnreachable, match=f"{address} cannot be used .*DATABASE__URL"):
        async with app.router.lifespan_context(app):
            pass
