"""How long to wait after failures in a row."""

import secrets
from typing import Final

SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
JITTER_PERCENT: Final = 25


def backoff_seconds(n_failures: int) -> float:
    """Return the wait after one more failure than `n_failures`, with jitter.

    Jitter, so that two who failed for the same reason do not try again together for ever.
    """
    seconds = SECONDS[min(n_failures, len(SECONDS) - 1)]
    percent = 100 - JITTER_PERCENT + secrets.randbelow(2 * JITTER_PERCENT + 1)
    return seconds * percent / 100
