"""One event as it came, for whoever asks what a figure was made of."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict

from aivalue.runtime.auth import Reader
from services.ingest.originals import base64_of, unpack
from services.ingest.queries.finding import find_event

router = APIRouter(prefix="/v1")
Name = Annotated[str, Query(min_length=1, max_length=200)]


class Original(BaseModel):
    """An accepted event, byte for byte, and where in which log it stood."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str
    incarnation: int
    partition: int
    offset: int
    received_at: datetime
    late: bool
    key_base64: str | None
    value_base64: str | None
    headers: list[tuple[str, str | None]]


@router.get(
    "/events/original",
    responses={404: {"description": "No event counts under this source and id."}},
)
async def get_original(
    request: Request, principal: Reader, source: Name, event_id: Annotated[Name, Query(alias="id")]
) -> Original:
    """Return the record that counts under an id; values of headers are base64 too."""
    async with request.app.state.pool.acquire() as connection:
        found = await find_event(connection, principal.tenant, source, event_id)
    if found is None:
        raise HTTPException(404, f"no event {event_id} of {source} is kept")
    (record,) = [each for each in unpack(found.originals) if each.offset == found.offset]
    return Original(
        topic=found.topic,
        incarnation=found.incarnation,
        partition=found.partition,
        offset=found.offset,
        received_at=found.received_at,
        late=found.is_late,
        key_base64=base64_of(record.key),
        value_base64=base64_of(record.value),
        headers=[(name, base64_of(said)) for name, said in record.headers],
    )
