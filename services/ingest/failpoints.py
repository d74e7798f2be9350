"""Named places where a test can make the process die, fail or stop.

`AIVALUE_FAILPOINTS="after_pg_commit=kill:3,in_claim=sleep:1.5"` fires at the third passage of
`after_pg_commit`. Nothing is armed otherwise, and an unarmed point costs one dictionary look-up.
"""

import asyncio
import os
import signal
import time
from typing import Final

VARIABLE: Final = "AIVALUE_FAILPOINTS"
NAMES: Final = frozenset(
    {
        "before_poll", "after_poll", "before_tx", "after_cas", "mid_insert", "before_pg_commit",
        "after_pg_commit", "after_kafka_commit", "in_revoked", "in_assigned", "in_claim",
        "in_seek", "in_fingerprint", "in_dlq_insert", "in_shutdown",
    }
)  # fmt: skip
_armed: dict[str, tuple[str, float]] = {}
_passed: dict[str, int] = {}


class FailpointReached(OSError):
    """What an armed failpoint raises; an OSError, as a lost connection is."""


def arm(description: str) -> None:
    """Arm points from `name=action[:argument],...`; the empty text disarms all.

    Actions: `kill` and `stop` (SIGKILL, SIGSTOP to this process) and `raise`, at the nth passage
    (default 1, 0 is every one); `sleep` for seconds at every passage, `block` for seconds with
    the whole event loop, as slow code does.

    Raises
    ------
    ValueError
        An unknown name or action: a fault that never fires would pass every test.
    """
    _armed.clear()
    _passed.clear()
    for each in filter(None, description.split(",")):
        name, _, action = each.partition("=")
        kind, _, argument = action.partition(":")
        if name not in NAMES or kind not in {"kill", "stop", "raise", "sleep", "block"}:
            raise ValueError(f"failpoint {each!r} is not known")
        _armed[name] = (kind, float(argument or 1))


async def failpoint(name: str) -> None:
    """Do what a test armed here, usually nothing."""
    armed = _armed.get(name)
    if armed is None:
        return
    kind, argument = armed
    _passed[name] = _passed.get(name, 0) + 1
    if kind == "sleep":
        await asyncio.sleep(argument)
    elif kind == "block":
        time.sleep(argument)  # noqa: ASYNC251 - on purpose
    elif argument in {0, _passed[name]}:
        if kind == "raise":
            raise FailpointReached(name)
        os.kill(os.getpid(), signal.SIGKILL if kind == "kill" else signal.SIGSTOP)


arm(os.environ.get(VARIABLE, ""))
