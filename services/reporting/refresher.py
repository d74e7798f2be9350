"""Keep the board current: one reading at a time, on a schedule and when something was announced.

A reading that fails changes no figure. The board keeps the last complete one, with the reason.
"""

import asyncio
import contextlib
import time

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from aivalue.runtime.problems import DependencyUnavailable
from aivalue.runtime.telemetry import JOB_SUCCESS
from services.reporting import metrics, queries
from services.reporting.board import LOADED, Board
from services.reporting.settings import ReportingSettings
from services.reporting.sources import Sources, read_snapshot

logger = structlog.get_logger()


class Refresher:
    """Reads the services in the background, for as long as the process runs."""

    def __init__(
        self, *, board: Board, sources: Sources, engine: AsyncEngine, settings: ReportingSettings
    ) -> None:
        self._board = board
        self._sources = sources
        self._engine = engine
        self._tenants = settings.tenants
        self._settings = settings.reporting
        self._announced = asyncio.Event()

    def announce(self) -> None:
        """Say that something changed; the next reading starts soon, and one follows it."""
        self._announced.set()

    async def run(self) -> None:
        """Run until cancelled."""
        await self.load()
        while True:
            self._announced.clear()
            for tenant in self._tenants:
                await self.refresh(tenant)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.refresh_seconds):
                    await self._announced.wait()
                # What is announced together is read together.
                await asyncio.sleep(self._settings.settle_seconds)

    async def load(self) -> None:
        """Show what was kept before the last stop, flagged; a database that is away is logged."""
        try:
            async with self._engine.connect() as connection:
                saved = await queries.saved_snapshots(connection, self._tenants)
        except (DBAPIError, OSError, ValueError) as error:
            # ValueError: kept by a version whose snapshots we cannot read; the next is ours.
            logger.warning("no snapshot loaded", error=f"{type(error).__name__}: {error}")
            return
        for snapshot in saved.values():
            self._board.show(snapshot, stale_reason=LOADED)

    async def refresh(self, tenant: str) -> None:
        """Read once; on failure keep what is shown and say why it is not current."""
        begun = time.monotonic()
        try:
            snapshot = await read_snapshot(self._sources, tenant)
        except DependencyUnavailable as error:
            self._fail(tenant, str(error))
            return
        except Exception as error:
            # An answer of a shape we do not know: no reason to stop showing what we have.
            logger.exception("refresh failed", tenant=tenant)
            self._fail(tenant, f"{type(error).__name__}: {error}")
            return
        self._board.show(snapshot)
        metrics.REFRESHES.labels("complete").inc()
        metrics.REFRESH_DURATION.observe(time.monotonic() - begun)
        JOB_SUCCESS.labels("reporting", "refresh").set(time.time())
        try:
            async with self._engine.begin() as connection:
                await queries.save_snapshot(connection, snapshot)
        except (DBAPIError, OSError) as error:
            # Only a restart would miss it, and readiness reports the database.
            logger.warning("snapshot not kept", error=f"{type(error).__name__}: {error}")

    def _fail(self, tenant: str, reason: str) -> None:
        metrics.REFRESHES.labels("failed").inc()
        if self._board[tenant].stale_reason != reason:
            logger.warning("figures are not current", tenant=tenant, reason=reason)
        self._board.flag(tenant, reason)
