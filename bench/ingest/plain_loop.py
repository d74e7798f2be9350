"""What one would write in an afternoon: poll, parse, insert with SQLAlchemy, commit to Kafka.

`python plain_loop.py BOOTSTRAP TOPIC GROUP DATABASE`. No schemas, no statistics, no dead letters;
at-least-once made harmless by a primary key.
"""

import asyncio
import json
import sys
from datetime import datetime

from aiokafka import AIOKafkaConsumer
from sqlalchemy import Column, DateTime, MetaData, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import create_async_engine

EVENTS = Table(
    "plain_event",
    MetaData(),
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("kpi", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("value", Numeric, nullable=False),
)


def row(value: bytes) -> dict[str, object] | None:
    """Return an event's columns, None where it is no JSON."""
    try:
        event = json.loads(value)
    except ValueError:
        return None
    return {
        "source": event["source"],
        "id": event["id"],
        "type": event["type"],
        "time": datetime.fromisoformat(event["time"]),
        **{name: event["data"][name] for name in ("kpi", "unit", "value")},
    }


async def main(bootstrap: str, topic: str, group: str, database: str) -> None:
    """Run until terminated."""
    engine = create_async_engine(database.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(EVENTS.metadata.create_all)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    statement = insert(EVENTS).on_conflict_do_nothing()
    while True:
        polled = await consumer.getmany(timeout_ms=200, max_records=5_000)
        rows = [row(record.value) for records in polled.values() for record in records]
        kept = [each for each in rows if each is not None]
        if kept:
            async with engine.begin() as connection:
                await connection.execute(statement, kept)
            await consumer.commit()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
