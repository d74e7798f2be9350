"""What the services really put into their outboxes is what docs/events says, and is understood."""

import json

import asyncpg
import jsonschema

from aivalue.events.fields import EventData
from deploy.documents.event_contract import OUTPUTS, asyncapi_document, type_of
from services.attribution.changes import change_of
from tests.contract.system import System, tell
from tests.integration.attribution import world

TOLD: dict[str, type[EventData]] = {type_of(data): data for data in OUTPUTS}


async def test_every_announcement_keeps_to_its_schema(system: System, database_url: str) -> None:
    await tell(system)
    await system.attribution.post("/v1/runs", json={"initiative": world.INITIATIVE})

    values = await outboxes(database_url)

    document = asyncapi_document()
    for value in values:
        event = json.loads(value)
        payload = document["components"]["messages"][TOLD[event["type"]].__name__]["payload"]
        schema = {**payload, "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(event)
        assert event["tenant"] == system.tenant
        change_of(value)
    assert {json.loads(value)["type"] for value in values} == set(TOLD)


async def outboxes(database_url: str) -> list[bytes]:
    connection = await asyncpg.connect(database_url)
    try:
        return [
            row["value"]
            for service in ("ingest", "baseline", "attribution")
            for row in await connection.fetch(f"select value from {service}.outbox")  # noqa: S608 - our own names
        ]
    finally:
        await connection.close()
