"""Whether a crash at each of the named points of ingest loses or doubles nothing."""

import asyncpg
import pytest

from aivalue.events.encode import Message
from aivalue.events.topics import BUSINESS
from services.ingest.failpoints import NAMES
from tests.integration.ingest import conftest
from tests.integration.ingest.material import measured
from tests.integration.ingest.system import Ingest

pytestmark = pytest.mark.faults

connection = conftest.connection
ingest = conftest.ingest
ingest_database = conftest.ingest_database

N_EACH = 400
# Fires at the passage that follows some that went well, where there are several.
PASSAGE = {"in_revoked": 1, "in_assigned": 1, "in_shutdown": 1, "after_kafka_commit": 1}


def _events(life: int) -> list[tuple[str, Message]]:
    """Return events of this life and some of the one before, every fiftieth of them junk."""
    first = max(life * N_EACH - 40, 0)
    messages = []
    for number in range(first, (life + 1) * N_EACH):
        event = measured(f"e{number:06}", f"{number}.5", unit=f"line-{number % 5}")
        junk = Message(key=None, value=b"junk", headers=[])
        messages.append((BUSINESS, junk if number % 50 == 0 else event))
    return messages


@pytest.mark.timeout(600)
async def test_a_crash_at_each_point_loses_and_doubles_nothing(
    ingest: Ingest, connection: asyncpg.Connection
) -> None:
    n_sent = 0
    for life, point in enumerate(sorted(NAMES)):
        events = _events(life)
        n_sent += len(events)
        await ingest.produce(events)
        doomed = ingest.start(
            AIVALUE_FAILPOINTS=f"{point}=kill:{PASSAGE.get(point, 2)}",
            AIVALUE_INGEST__BATCH_RECORDS_MAX="60",
        )
        if point == "in_shutdown":
            await doomed.until("/readyz", lambda r: r.status_code == 200)
            doomed.process.terminate()
        # Every point must fire, or the test would prove nothing.
        assert doomed.process.wait(60) == -9, point

    survivor = ingest.start()
    await survivor.until(
        "/v1/snapshot",
        lambda r: sum(each["next_offset"] for each in r.json()["positions"]) == n_sent,
    )

    n_distinct = len(NAMES) * N_EACH
    n_good = n_distinct - n_distinct // 50
    row = await connection.fetchrow(
        "select sum(consumed)::int, sum(inserted)::int, "
        "(select count(*) from ingest.events)::int, "
        "(select count(distinct event_id) from ingest.events)::int, "
        "(select sum(n) from ingest.daily_statistics)::int, "
        "(select sum(sum) from ingest.daily_statistics)::text from ingest.batches"
    )
    total = sum(number + 0.5 for number in range(n_distinct) if number % 50)
    assert tuple(row)[:5] == (n_sent, n_good, n_good, n_good, n_good)
    assert float(row[5]) == total
