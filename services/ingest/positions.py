"""Where each assigned partition stands, and whether the log is still the log we know.

Kafka's group says who should read; PostgreSQL says who may and from where. A claimed partition
starts one record early: that record must be the last one we stored, or the topic was deleted and
created again, and reading on would skip or repeat events silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ingest.batch import LogRecord, Origin, Stretch, sha256_of
from services.ingest.queries.partitions import Claim


class LogBroken(Exception):
    """The log is not the one that was read before; only an operator can say what is true."""


@dataclass(slots=True, kw_only=True)
class Position:
    """A claimed partition; what is submitted for storing moves it ahead of PostgreSQL."""

    claim: Claim
    origin: Origin
    verified: bool
    allow_gaps: bool
    gaps_seen: int = 0

    @property
    def seek_offset(self) -> int:
        """Where reading begins: at the record to verify, or at the next one."""
        return self.origin.next_offset if self.verified else self.origin.next_offset - 1

    def new_among(self, records: Sequence[LogRecord]) -> Sequence[LogRecord]:
        """Return what is new among the records read, which may be nothing.

        Raises
        ------
        LogBroken
            The last stored record is not where it was, or records are missing.
        """
        if not self.verified:
            self._verify(records[0])
        expected = self.origin.next_offset
        if records[0].offset < expected:
            records = [record for record in records if record.offset >= expected]
            if not records:
                return []
        if self.allow_gaps:
            return records
        first, last = records[0].offset, records[-1].offset
        if last - first >= len(records):
            raise LogBroken(f"offsets {first} to {last} hold {len(records)} records")
        never_read = self.claim.tail_sha256 is None and expected == 0
        if first > expected and not never_read:
            self.gaps_seen += 1
            # Once may be a fetch from before the seek; the same again is a hole.
            if self.gaps_seen > 1:
                raise LogBroken(f"expected offset {expected}, the log has {first}")
            return []
        self.gaps_seen = 0
        return records

    def follow(self, stretch: Stretch) -> None:
        """Stand behind what was read: it is on its way to PostgreSQL."""
        self.origin = stretch.following

    def _verify(self, record: LogRecord) -> None:
        last = self.origin.next_offset - 1
        if record.offset != last:
            raise LogBroken(f"the last stored record was {last}, the log has {record.offset}")
        if sha256_of(record) != self.claim.tail_sha256:
            raise LogBroken(
                f"record {last} is another one than was stored: the topic was re-created"
            )
        self.verified = True


def position_of(claim: Claim, *, allow_gaps: bool) -> Position:
    """Start where PostgreSQL says."""
    return Position(
        claim=claim,
        origin=claim.origin,
        verified=claim.tail_sha256 is None,
        allow_gaps=allow_gaps,
    )
