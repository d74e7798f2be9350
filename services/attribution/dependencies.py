"""What a route may ask for: a read connection, or the workplace of a run."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from services.attribution.estimate import Workplace


async def workplace(request: Request) -> Workplace:
    """Return what `app.py` put on the application."""
    found: Workplace = request.app.state.workplace
    return found


Place = Annotated[Workplace, Depends(workplace)]


async def read_connection(place: Place) -> AsyncIterator[AsyncConnection]:
    """Yield a connection that is closed after the request."""
    async with place.engine.connect() as connection:
        yield connection


ReadConnection = Annotated[AsyncConnection, Depends(read_connection)]
