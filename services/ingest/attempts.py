"""What a request asks of PostgreSQL is tried again where a moment was against it."""

import itertools
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aivalue.runtime.problems import DependencyUnavailable
from services.ingest import metrics
from services.ingest.taxonomy import Action, action_for

ATTEMPTS: Final = 3
# An attempt at a PostgreSQL that is silent ends after a minute: whoever asked has gone by then.
PATIENCE_SECONDS: Final = 20.0
T = TypeVar("T")


async def attempted(
    work: Callable[[], Awaitable[T]], *, clock: Callable[[], float] = time.monotonic
) -> T:
    """Do the work; what a deadlock or a lost connection ended is begun again.

    Raises
    ------
    DependencyUnavailable
        It was tried several times, or for long. What was undone is undone; who does not know
        whether it was may ask again, for nothing counts twice.
    """
    began = clock()
    for attempt in itertools.count(1):
        try:
            return await work()
        except Exception as error:
            if action_for(error) is not Action.START_OVER:
                raise
            metrics.RETRIES.labels(type(error).__name__).inc()
            if attempt == ATTEMPTS or clock() - began > PATIENCE_SECONDS:
                why = str(error) or f"no answer for {clock() - began:.0f} s"
                raise DependencyUnavailable(f"PostgreSQL: {type(error).__name__}, {why}") from error
    raise AssertionError  # count() never ends
