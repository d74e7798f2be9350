"""Recompute what is stale, one initiative at a time, for as long as the service runs.

A failure leaves the initiative in the queue with its reason. One that trying again can cure (a
service that is away) is tried again, ever less often; one that only a change of definitions can
cure waits for that change.
"""

import asyncio
import time

import structlog
from sqlalchemy.exc import SQLAlchemyError

from aivalue.errors import AivalueError
from aivalue.runtime.problems import DependencyUnavailable
from aivalue.runtime.telemetry import JOB_SUCCESS
from services.attribution import metrics
from services.attribution.consumer import mark_everything
from services.attribution.estimate import Request, Workplace, estimate_initiative
from services.attribution.load import UnknownInitiative
from services.attribution.queries.recompute import (
    Claim,
    ClaimLost,
    claim_stale,
    complete,
    n_stale,
    release,
)
from services.attribution.settings import AttributionGroup

SUBJECT = "recompute"
_DOUBLINGS_MAX = 32
logger = structlog.get_logger()


async def work(place: Workplace) -> None:
    """Run until cancelled; a database that is away is waited for."""
    pause = place.settings.attribution.poll_seconds
    while True:
        try:
            worked = await work_once(place)
        except (SQLAlchemyError, OSError) as error:
            logger.warning("recompute waits", error=f"{type(error).__name__}: {error}")
            worked = False
        if not worked:
            await asyncio.sleep(pause)


async def work_once(place: Workplace) -> bool:
    """Recompute the initiative that has been stale longest; False where none is due."""
    settings = place.settings.attribution
    async with place.engine.begin() as connection:
        metrics.STALE.set(await n_stale(connection))
        held = await claim_stale(
            connection,
            quiet=settings.debounce_seconds,
            patience=settings.debounce_seconds_max,
            lease=settings.lease_seconds,
        )
    if held is None:
        return False
    try:
        await estimate_initiative(place, held, Request(subject=SUBJECT, reason=SUBJECT))
    except ClaimLost as lost:
        logger.warning("recompute was taken over", initiative=held.initiative, error=str(lost))
    except (AivalueError, UnknownInitiative) as refusal:
        await _settle(place, held, str(refusal))
    except Exception as error:  # noqa: BLE001 - whatever failed, it stays in the queue with its reason
        await _put_back(place, held, error)
    else:
        JOB_SUCCESS.labels("attribution", "recompute").set(time.time())
    return True


async def sweep(place: Workplace) -> None:
    """Have everything looked at again from time to time: a change that got lost must not last."""
    while True:
        await asyncio.sleep(place.settings.attribution.sweep_seconds)
        try:
            await mark_everything(place, "looked at again")
        except (DependencyUnavailable, SQLAlchemyError, OSError) as error:
            logger.warning("sweep failed", error=f"{type(error).__name__}: {error}")


def pause_seconds(failures_before: int, settings: AttributionGroup) -> float:
    """Return how long to wait after one more failure: twice as long each time, to a limit."""
    doubled = settings.backoff_seconds * 2.0 ** min(failures_before, _DOUBLINGS_MAX)
    return min(doubled, settings.backoff_seconds_max)


async def _settle(place: Workplace, held: Claim, reason: str) -> None:
    """Keep the reason and wait for the next change: trying again would say the same."""
    logger.warning("recompute refused", initiative=held.initiative, error=reason)
    metrics.RUNS.labels(metrics.NO_ESTIMATOR, "failed").inc()
    async with place.engine.begin() as connection:
        await complete(connection, held, error=reason)


async def _put_back(place: Workplace, held: Claim, error: Exception) -> None:
    pause = pause_seconds(held.attempts, place.settings.attribution)
    reason = f"{type(error).__name__}: {error}"
    logger.warning(
        "recompute failed",
        initiative=held.initiative,
        attempt=held.attempts + 1,
        pause_seconds=pause,
        exc_info=None if isinstance(error, DependencyUnavailable) else error,
        error=reason,
    )
    metrics.RUNS.labels(metrics.NO_ESTIMATOR, "failed").inc()
    async with place.engine.begin() as connection:
        await release(connection, held, error=reason, pause=pause)
