"""How far a file was sent, beside the file: an interrupted command goes on where it stopped.

Losing it costs time only: an event that arrives twice counts once.
"""

import contextlib
from collections import Counter
from pathlib import Path

import msgspec

SUFFIX = ".sent.json"


class Rejection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event that the service refused, and why."""

    line: int
    id: str | None = None
    reason: str
    detail: str = ""


class Progress(msgspec.Struct, kw_only=True):
    """What was sent where, and what became of it."""

    digest: str
    target: str
    n_sent: int = 0
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    rejections: list[Rejection] = msgspec.field(default_factory=list)

    def count(self, status: str) -> None:
        """Count one event."""
        self.counts[status] = Counter(self.counts)[status] + 1


class Checkpoint:
    """The state file beside a file of events."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + SUFFIX)

    def load(self, *, digest: str, target: str) -> Progress:
        """Return how far these events got to this target; nothing of other events counts."""
        try:
            found = msgspec.json.decode(self.path.read_bytes(), type=Progress)
        except (OSError, msgspec.MsgspecError):
            return Progress(digest=digest, target=target)
        if (found.digest, found.target) != (digest, target):
            return Progress(digest=digest, target=target)
        return found

    def save(self, progress: Progress) -> None:
        """Replace the file as a whole, so that a crash leaves the old or the new one.

        Where nothing can be written beside the events, the next call begins at their start.
        """
        fresh = self.path.with_name(self.path.name + ".new")
        with contextlib.suppress(OSError):
            fresh.write_bytes(msgspec.json.encode(progress))
            fresh.replace(self.path)

    def remove(self) -> None:
        """Forget: everything was sent."""
        self.path.unlink(missing_ok=True)
