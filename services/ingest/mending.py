"""Hold daily statistics to the measurements that stand, page by page, and mend them where asked.

What is withdrawn is subtracted (docs/adr/0023), so a day that was ever wrong stays wrong until
somebody asks for this.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Connection

from services.ingest.queries import daily, outbox, partitions, recounting, verification
from services.ingest.queries.daily import Difference, Place, Span
from services.ingest.storing.changes import messages_of
from services.ingest.storing.correcting import Changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A page of days; `last` is None where none was left."""

    n_days: int
    differing: Sequence[Difference]
    last: Place | None


async def compare(connection: Connection, tenant: str, span: Span, after: Place | None) -> Compared:
    """Compare the next page of days with their measurements, in the caller's snapshot."""
    await verification.prepare(connection)
    places = await daily.days_after(connection, tenant, span, after)
    found = await daily.differing(connection, tenant, places)
    return Compared(n_days=len(places), differing=found, last=places[-1] if places else None)


async def mend(
    connection: Connection,
    tenant: str,
    span: Span,
    after: Place | None,
    *,
    changes_topic: str,
    now: datetime,
) -> Compared:
    """Derive those days of the next page anew that differ, and announce them, in a transaction.

    Locked first, then looked at: whoever adds to one of them or withdraws from it has committed and
    is seen, or waits for us and changes what we wrote.
    """
    page = await compare(connection, tenant, span, after)
    suspected = sorted((each.place.series_id, each.day) for each in page.differing)
    if not suspected:
        return page
    await recounting.lock(connection, tenant, suspected, new=True)
    wrong = await daily.differing(connection, tenant, [each.place for each in page.differing])
    changes = await daily.derive(connection, tenant, [each.place for each in wrong])
    messages = messages_of(
        tenant,
        [],
        [Changed(series=changes)],
        positions=await partitions.positions(connection, tenant),
        now=now,
        # No position moved, so those of a batch might have the same ids.
        cause=uuid.uuid4().hex,
    )
    await outbox.record_changes(connection, tenant, changes_topic, messages)
    return Compared(n_days=page.n_days, differing=wrong, last=page.last)
