"""Stops reading where most of what comes is refused: a bad release must not drain a topic.

A few malformed events become dead letters and their neighbours count. When most of the last few
hundred are refused, it is not the events that are wrong but their producer, or us: nothing of the
batch is stored, its partitions halt, and an operator decides. What PostgreSQL refused of a batch is
known only after it, and counts with the next.
"""

from dataclasses import dataclass
from typing import Final

from services.ingest.batch import Batch
from services.ingest.storing.keys import Stored

RECORDS_MIN: Final = 200


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Watches the share of refused records, `share_max` of which is still tolerated."""

    share_max: float
    n_records: int = 0
    n_refused: int = 0

    def watch(self, stored: Stored) -> None:
        """Count the events of a batch that PostgreSQL refused when it was stored."""
        self.n_refused += list(stored.refused.values()).count("refused_by_database")

    def trips(self, *, n_records: int, n_refused: int) -> bool:
        """Count a batch; say whether it is one too many, and then begin anew."""
        self.n_records += n_records
        self.n_refused += n_refused
        if self.n_records < RECORDS_MIN:
            return False
        tripped = self.n_refused > self.share_max * self.n_records
        self.n_records = self.n_refused = 0
        return tripped


def complaint(batch: Batch) -> str:
    """Say what is wrong with a batch that is one too many."""
    letters = [letter for stretch in batch.stretches for letter in stretch.dead]
    first = letters[0].message[:200] if letters else "PostgreSQL refuses those before"
    return f"{len(letters)} of {batch.n_records} records refused, first: {first}"
