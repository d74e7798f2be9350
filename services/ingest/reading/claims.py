"""The right to advance a partition, as PostgreSQL grants it."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final, Protocol

import asyncpg
import structlog

from aivalue.runtime.postgres import CONNECTION_ERRORS
from services.ingest.queries import partitions
from services.ingest.queries.evicting import evict
from services.ingest.queries.partitions import Claim, Refusal

# A worker that neither claimed nor stored for so long may be superseded; shorter than any session.
LEASE_SECONDS: Final = 3.0
RENEW_SECONDS: Final = LEASE_SECONDS / 3
RELEASE_SECONDS: Final = 2.0
# No batch takes so long: whoever holds a partition in a transaction since then is stuck.
SILENT_SECONDS: Final = 15.0
logger = structlog.get_logger()


class Claims(Protocol):
    """Who may advance which partition."""

    async def claim(self, tenant: str, topic: str, partition: int) -> Claim | Refusal:
        """Ask for a partition of a topic's open log."""

    async def renew(self, claims: Sequence[Claim]) -> list[Claim]:
        """Say that we are alive; return the claims that others have superseded."""

    async def halt(self, claim: Claim, *, reason: str) -> None:
        """Stop a partition for an operator to look at."""

    async def release(self, claims: Sequence[Claim]) -> None:
        """Give partitions up; best effort, for they are free soon in any case."""


class PostgresClaims:
    """Claims in the tables of the service."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        owner: str,
        broker_identity: str,
        lease_seconds: float = LEASE_SECONDS,
        silent_seconds: float = SILENT_SECONDS,
    ) -> None:
        self._pool = pool
        self._lease_seconds = lease_seconds
        self._silent_seconds = silent_seconds
        self._owner = owner
        self._identity = broker_identity

    async def claim(self, tenant: str, topic: str, partition: int) -> Claim | Refusal:
        """Ask for a partition; another broker's topic is another log."""
        async with self._pool.acquire() as connection, connection.transaction():
            log_id, known = await partitions.open_log(
                connection, tenant, topic, kind="kafka", identity=self._identity
            )
            if known != self._identity:
                log_id = await partitions.rotate_log(
                    connection, tenant, topic, identity=self._identity, reason="another broker"
                )
            claimed = await partitions.claim(
                connection,
                tenant,
                topic,
                log_id,
                partition,
                owner=self._owner,
                lease_seconds=self._lease_seconds,
            )
            if claimed is Refusal.HELD and await evict(
                connection, tenant, log_id, partition, silent_seconds=self._silent_seconds
            ):
                logger.warning("ended a stuck session", topic=topic, partition=partition)
            return claimed

    async def renew(self, claims: Sequence[Claim]) -> list[Claim]:
        """Renew every lease, and find out which claims are void."""
        superseded: list[Claim] = []
        async with self._pool.acquire() as connection:
            for tenant, of_tenant in _by_tenant(claims):
                gone = await partitions.renew(
                    connection, tenant, [claim.origin for claim in of_tenant]
                )
                superseded += [
                    claim
                    for claim in of_tenant
                    if (claim.origin.log_id, claim.origin.partition) in gone
                ]
        return superseded

    async def halt(self, claim: Claim, *, reason: str) -> None:
        """Stop a partition, unless another worker has it by now."""
        async with self._pool.acquire() as connection:
            await partitions.halt(connection, claim.tenant, claim.origin, reason=reason)

    async def release(self, claims: Sequence[Claim]) -> None:
        """Give partitions up, if PostgreSQL can be asked at once."""
        with contextlib.suppress(asyncpg.PostgresError, *CONNECTION_ERRORS):
            async with (
                asyncio.timeout(RELEASE_SECONDS),
                self._pool.acquire() as connection,
            ):
                for tenant, of_tenant in _by_tenant(claims):
                    await partitions.release(
                        connection, tenant, [claim.origin for claim in of_tenant]
                    )


def _by_tenant(claims: Sequence[Claim]) -> list[tuple[str, list[Claim]]]:
    return [
        (tenant, [claim for claim in claims if claim.tenant == tenant])
        for tenant in sorted({claim.tenant for claim in claims})
    ]
