"""What attribution tests talk to: the service as a client sees it, and what is behind it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI

from aivalue.runtime.postgres import asyncpg_address
from services.attribution.app import create_app
from services.attribution.estimate import Workplace
from services.attribution.settings import AttributionSettings
from tests.integration.attribution.world import INITIATIVE, RULE, Peers


@dataclass
class Service:
    """The service, its peers and its database."""

    app: FastAPI
    client: httpx.AsyncClient
    peers: Peers
    settings: AttributionSettings

    @property
    def place(self) -> Workplace:
        found: Workplace = self.app.state.workplace
        return found

    @property
    def tenant(self) -> str:
        return self.settings.auth.open_tenant

    async def run(self) -> httpx.Response:
        return await self.client.post("/v1/runs", json={"initiative": INITIATIVE})

    async def apply(self, *rules: dict[str, Any], reason: str = "agreed") -> httpx.Response:
        body = {"definitions": list(rules or [RULE]), "reason": reason}
        return await self.client.post("/v1/valuation-rules:apply", json=body)

    async def get(self, path: str, **params: Any) -> Any:
        response = await self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    async def sql(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(asyncpg_address(self.settings.database))
        try:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *values)
            return rows
        finally:
            await connection.close()


@contextlib.asynccontextmanager
async def service_of(settings: AttributionSettings, peers: Peers) -> AsyncIterator[Service]:
    """Build the service on its peers, without its background jobs."""
    app = create_app(
        settings,
        ingest_transport=httpx.MockTransport(peers.ingest),
        baseline_transport=httpx.MockTransport(peers.baseline),
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://attribution") as client:
        yield Service(app=app, client=client, peers=peers, settings=settings)
    await app.state.workplace.peers.close()
    await app.state.workplace.engine.dispose()
