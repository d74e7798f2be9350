"""What baseline tests talk to: the service, and an ingest service whose answers a test sets."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from aivalue.runtime.settings import RuntimeSettings


@dataclass
class FakeIngest:
    """Answers GET /v1/series and /v1/interventions as a test wants, and keeps what it was asked."""

    columns: dict[str, list[Any]] = field(default_factory=dict)
    interventions: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    asked: list[httpx.QueryParams] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/interventions":
            return httpx.Response(self.status, json={"interventions": self.interventions})
        assert request.url.path == "/v1/series"
        self.asked.append(request.url.params)
        body = {
            "kpi": request.url.params["kpi"],
            "snapshot": {"id": "5" * 64, "positions": []},
            "n_rows": len(self.columns.get("unit", [])),
            "columns": self.columns,
        }
        return httpx.Response(self.status, json=body)


@dataclass
class Service:
    """The service as a client sees it, and the database behind it."""

    client: httpx.AsyncClient
    ingest: FakeIngest
    database: str
    settings: RuntimeSettings
    transport: httpx.ASGITransport

    async def apply(
        self, definitions: list[dict[str, Any]], *, reason: str = "first version"
    ) -> httpx.Response:
        body = {"definitions": definitions, "reason": reason}
        return await self.client.post("/v1/definitions:apply", json=body)


def client_of(app: FastAPI) -> httpx.AsyncClient:
    """Return a client that calls the application without a socket."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://baseline")
