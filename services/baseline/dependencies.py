"""What a route may ask for: a read connection or a write transaction around the request."""

import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, HTTPException, Query, Request
from pydantic import AfterValidator
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.settings import RuntimeSettings


async def read_connection(request: Request) -> AsyncIterator[AsyncConnection]:
    """Yield a connection from the engine that `app.py` put on the application."""
    engine: AsyncEngine = request.app.state.engine
    async with engine.connect() as connection:
        yield connection


async def engine(request: Request) -> AsyncEngine:
    """Return the engine, for routes whose use case opens its own transaction."""
    found: AsyncEngine = request.app.state.engine
    return found


async def ingest(request: Request) -> ServiceClient:
    """Return the client of the ingest service."""
    found: ServiceClient = request.app.state.ingest
    return found


async def settings(request: Request) -> RuntimeSettings:
    """Return the settings the application was created with."""
    found: RuntimeSettings = request.app.state.settings
    return found


async def review_required(request: Request) -> bool:
    """Say whether only reviewed drafts may be frozen here."""
    found: bool = request.app.state.review_required
    return found


def _possible_key(text: str) -> str:
    if not re.fullmatch(KEY_PATTERN, text):
        raise HTTPException(404, "nothing has a key of that form")
    return text


# Nothing else is ever stored as a key, and PostgreSQL refuses some of what a URL can hold.
KEY_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,62}$"
KeyInPath = Annotated[str, AfterValidator(_possible_key)]
KeyInQuery = Annotated[str | None, Query(pattern=KEY_PATTERN)]
ReadConnection = Annotated[AsyncConnection, Depends(read_connection)]
Engine = Annotated[AsyncEngine, Depends(engine)]
Ingest = Annotated[ServiceClient, Depends(ingest)]
Settings = Annotated[RuntimeSettings, Depends(settings)]
ReviewRequired = Annotated[bool, Depends(review_required)]
