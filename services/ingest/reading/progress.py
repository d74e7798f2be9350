"""Whether the poll loop turns, and whether what it reads is stored.

aiokafka has hung on rebalances and broker restarts, and a process that looks healthy while it
reads nothing is the worst of both. Times are monotonic seconds.
"""

from dataclasses import dataclass
from typing import Final

STALLED_SECONDS: Final = 120.0
SLOW_TURN_SECONDS: Final = STALLED_SECONDS / 4


@dataclass(slots=True, kw_only=True)
class Progress:
    """What the loop last did.

    Attributes
    ----------
    n_waiting : records read or known of, and not stored
    unclaimed_since : since when an assigned partition could not be claimed, None where all are
    """

    turned_at: float
    stored_at: float
    n_waiting: int = 0
    unclaimed_since: float | None = None

    def turn(self, now: float, *, n_waiting: int, unclaimed: bool) -> None:
        """Note that the loop turns, and what it leaves behind."""
        self.turned_at = now
        self.n_waiting = n_waiting
        if not n_waiting:
            self.stored_at = now
        if not unclaimed:
            self.unclaimed_since = None
        elif self.unclaimed_since is None:
            self.unclaimed_since = now

    def stored(self, now: float) -> None:
        """Note that a batch is stored; one turn may store those of very many tenants."""
        self.stored_at = self.turned_at = now

    def stall(self, now: float) -> str | None:
        """Say what a restart would cure, if anything."""
        if now - self.turned_at > STALLED_SECONDS:
            return "the poll loop does not turn"
        if self.n_waiting and now - self.stored_at > STALLED_SECONDS:
            return f"{self.n_waiting} records wait and none was stored for {STALLED_SECONDS:.0f} s"
        return None

    def complaint(self, now: float, *, untold_since: float | None = None) -> str | None:
        """Say why nothing should be expected of this process now, if there is a reason.

        `untold_since` is since when the group has not said which partitions are ours, None where
        it has.
        """
        if now - self.turned_at > SLOW_TURN_SECONDS:
            return "the poll loop does not turn"
        if self.unclaimed_since is not None and now - self.unclaimed_since > STALLED_SECONDS:
            return f"assigned partitions could not be claimed for {STALLED_SECONDS:.0f} s"
        if untold_since is not None and now - untold_since > STALLED_SECONDS:
            return f"the group has assigned nothing for {STALLED_SECONDS:.0f} s"
        return self.stall(now)
