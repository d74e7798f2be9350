"""Whether what a request asks is tried again as long as that helps, and no longer."""

import asyncpg
import pytest

from aivalue.runtime.problems import DependencyUnavailable
from services.ingest.attempts import ATTEMPTS, PATIENCE_SECONDS, attempted


class Work:
    """Fails so often, each time after so long."""

    def __init__(self, *errors: Exception, seconds: float = 0) -> None:
        self._errors = list(errors)
        self._seconds = seconds
        self.now = 0.0
        self.n_attempts = 0

    async def __call__(self) -> str:
        self.n_attempts += 1
        self.now += self._seconds
        if self._errors:
            raise self._errors.pop(0)
        return "done"

    async def attempted(self) -> str:
        return await attempted(self, clock=lambda: self.now)


async def test_what_a_moment_was_against_is_done_at_last() -> None:
    work = Work(asyncpg.DeadlockDetectedError(), ConnectionResetError())

    assert await work.attempted() == "done"
    assert work.n_attempts == ATTEMPTS


async def test_an_error_that_another_attempt_does_not_mend_comes_through() -> None:
    work = Work(asyncpg.CheckViolationError("n < 0"))

    with pytest.raises(asyncpg.CheckViolationError):
        await work.attempted()
    assert work.n_attempts == 1


async def test_an_outage_is_given_up_and_named() -> None:
    work = Work(*(ConnectionRefusedError("nobody listens") for _ in range(ATTEMPTS)))

    with pytest.raises(
        DependencyUnavailable, match="PostgreSQL: ConnectionRefusedError, nobody listens"
    ):
        await work.attempted()
    assert work.n_attempts == ATTEMPTS


async def test_a_silence_is_not_waited_for_again() -> None:
    # As one statement of asyncpg's takes that is never answered.
    work = Work(TimeoutError(), TimeoutError(), TimeoutError(), seconds=PATIENCE_SECONDS + 40)

    with pytest.raises(DependencyUnavailable, match="no answer for 60 s"):
        await work.attempted()
    assert work.n_attempts == 1
