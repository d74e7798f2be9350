"""Where each assigned partition stands, and whether the log is still the log we know.

Kafka's group says who should read; PostgreSQL says who may and from where. A claimed partition
starts one record early: that record must be the last one we stored, or the topic was deleted and
created again, and reading on would skip or repeat events silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ingest.batch import Record, Stretch, stretch_of
from services.ingest.queries.partitions import Claim


class LogBroken(Exception):
    """The log is not the one that was read before; only an operator can say what is true."""


@dataclass(slots=True, kw_only=True)
class Position:
    """A claimed partition; what is submitted for storing moves it ahead of PostgreSQL."""

    claim: Claim
    next_offset: int
    head_hash: bytes
    verified: bool
    allow_gaps: bool
    gaps_seen: int = 0

    @property
    def seek_offset(self) -> int:
        """Where reading begins: at the record to verify, or at the next one."""
        return self.next_offset if self.verified else self.next_offset - 1

    def take(self, records: Sequence[Record]) -> Stretch | None:
        """Return what is new among the records read, and stand behind it; None if nothing is.

        Raises
        ------
        LogBroken
            The last stored record is not where it was, or records are missing.
        """
        if not self.verified:
            self._verify(records[0])
        new = [record for record in records if record.offset >= self.next_offset]
        if not new:
            return None
        first_ever = self.claim.tail_sha256 is None and self.next_offset == 0
        if new[0].offset > self.next_offset and not (self.allow_gaps or first_ever):
            self.gaps_seen += 1
            # Once may be a fetch from before the seek; the same again is a hole.
            if self.gaps_seen > 1:
                raise LogBroken(f"expected offset {self.next_offset}, the log has {new[0].offset}")
            return None
        self.gaps_seen = 0
        stretch = stretch_of(
            log_id=self.claim.log_id,
            partition=self.claim.partition,
            epoch=self.claim.epoch,
            next_offset=self.next_offset,
            head_hash=self.head_hash,
            records=new,
        )
        self.next_offset, self.head_hash = stretch.following_offset, stretch.hash
        return stretch

    def _verify(self, record: Record) -> None:
        if record.offset != self.next_offset - 1:
            raise LogBroken(
                f"the last stored record was {self.next_offset - 1}, the log has {record.offset}"
            )
        if record.sha256() != self.claim.tail_sha256:
            raise LogBroken(
                f"record {record.offset} is another one than was stored: the topic was re-created"
            )
        self.verified = True


def position_of(claim: Claim, *, allow_gaps: bool) -> Position:
    """Start where PostgreSQL says."""
    return Position(
        claim=claim,
        next_offset=claim.next_offset,
        head_hash=claim.head_hash,
        verified=claim.tail_sha256 is None,
        allow_gaps=allow_gaps,
    )
