"""A reporting service on fake peers, without its background jobs: a test takes their steps."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from aivalue.runtime.settings import DatabaseSettings
from services.reporting.app import create_app
from services.reporting.board import Board
from services.reporting.refresher import Refresher
from services.reporting.settings import ReportingSettings
from tests.service.reporting.world import TENANT, Peers, settings

Series = dict[str, dict[tuple[tuple[str, str], ...], float]]
# Nothing listens there: a service without its database shows what it has.
NO_DATABASE = DatabaseSettings(url=SecretStr("postgresql://nobody@127.0.0.1:1/nothing"))


@dataclass
class Service:
    """The service as a client sees it, and the peers behind it."""

    app: FastAPI
    client: httpx.AsyncClient
    peers: Peers

    @property
    def refresher(self) -> Refresher:
        found: Refresher = self.app.state.refresher
        return found

    @property
    def board(self) -> Board:
        found: Board = self.app.state.board
        return found

    async def refresh(self, tenant: str = TENANT) -> None:
        await self.refresher.refresh(tenant)

    async def get(self, path: str, **params: str) -> Any:
        response = await self.client.get(path, params=params)
        assert response.status_code == 200, response.text
        return response.json()

    async def metrics(self) -> Series:
        response = await self.client.get("/metrics/business")
        assert response.status_code == 200, response.text
        return parsed(response.text)


def parsed(exposition: str) -> Series:
    """Read an exposition: value by metric name and labels."""
    return {
        family.name: {
            tuple(sorted(sample.labels.items())): sample.value for sample in family.samples
        }
        for family in text_string_to_metric_families(exposition)
    }


@contextlib.asynccontextmanager
async def service_of(
    peers: Peers, chosen: ReportingSettings | None = None
) -> AsyncIterator[Service]:
    """Build the service; its lifespan does not run."""
    app = create_app(
        chosen or settings(database=NO_DATABASE),
        baseline_transport=peers.transport("baseline"),
        attribution_transport=peers.transport("attribution"),
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://reporting") as client:
        yield Service(app=app, client=client, peers=peers)
    await app.state.sources.close()
    await app.state.engine.dispose()
