"""Where each assigned partition stands, and whether the log is still the log we know.

Kafka's group says who should read; PostgreSQL says who may and from where. A claimed partition
starts one record early: that record must be the last one we stored, or the topic was deleted and
created again, and reading on would skip or repeat events silently. The same is proved again after
every silence: a topic can be created anew under a consumer that runs, and Kafka's client would
read on where it stood. It asks for more only once all it holds was taken, so that what was held for
long is silence, too; and a log that ends earlier than it did is proved at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.ingest.batch import LogRecord, Origin, Stretch, tail_sha256_of
from services.ingest.queries.partitions import Claim
from services.ingest.taxonomy import LogBroken

# A topic is not deleted, created and filled in less.
SILENCE_SECONDS: Final = 0.5
# Between two answers of the broker with records; more partitions than can be read in less are rare.
HELD_MS: Final = 5_000
# A record to verify that does not come for so long may not be there at all.
PROBE_SECONDS: Final = 2.0


@dataclass(slots=True, kw_only=True)
class Position:
    """A claimed partition; what is submitted for storing moves it ahead of PostgreSQL.

    `tail_sha256` is of the last record read, None where nothing ever was; `silent_seconds` is how
    long it was listened to since without a record. `answered_ms` is the client's mark of the answer
    that gave the last records, `end` where the log ended in it. Before `passed` there is nothing
    more to read: what transactions leave in a log, their markers and what was aborted, is no record
    of ours.
    """

    claim: Claim
    origin: Origin
    tail_sha256: bytes | None
    verified: bool
    allow_gaps: bool
    gaps_seen: int = 0
    silent_seconds: float = 0
    passed: int = 0
    probing: bool = False
    answered_ms: int | None = None
    end: int = 0
    doubted: bool = False

    @property
    def seek_offset(self) -> int:
        """Where reading begins: at the record to verify, or at the next one."""
        return self.origin.next_offset if self.verified else self.origin.next_offset - 1

    @property
    def never_read(self) -> bool:
        """Whether nothing was ever read: then it begins where the log begins."""
        return self.tail_sha256 is None and self.origin.next_offset == 0

    def heard(self, *, answered_ms: int | None, end: int | None) -> None:
        """Note which answer gave records; doubt the log where it came late, or the log shrank."""
        if answered_ms is not None and self.answered_ms is not None:
            self.doubted |= answered_ms - self.answered_ms > HELD_MS
        if end is not None:
            self.doubted |= end < self.end
            self.end = end
        self.answered_ms = answered_ms

    def needs_proof(self) -> bool:
        """Whether the log may be another one by now: silent or held for long, or only probed.

        Then nothing of what was read counts: read again from the start.
        """
        silent = self.silent_seconds > SILENCE_SECONDS or self.doubted
        self.silent_seconds, self.doubted = 0, False
        probed, self.probing = self.probing, False
        # Also where nothing was read yet: a topic created anew may begin earlier than the other.
        if silent and self.verified and (self.tail_sha256 is not None or self.never_read):
            self.verified = False
            return True
        return probed

    def probe(self) -> int | None:
        """Say where to look instead while the record to verify does not come.

        A log that ends just where that record should be is silent; one offset further, Kafka says
        that it is out of range.
        """
        if self.verified or self.never_read or self.silent_seconds < PROBE_SECONDS:
            return None
        self.silent_seconds = 0
        self.probing = not self.probing
        return self.origin.next_offset if self.probing else self.seek_offset

    def restart(self, beginning: int) -> int | None:
        """Say where to read on when Kafka has not what was asked for, None where nothing is sure.

        `beginning` is where the log begins now.
        """
        if self.never_read:
            return beginning
        if not self.verified and beginning == self.origin.next_offset:
            # Retention took the record to verify and not one more.
            self.verified, self.tail_sha256 = True, None
            return beginning
        return None

    def new_among(self, records: Sequence[LogRecord]) -> Sequence[LogRecord]:
        """Return what is new among the records read, which may be nothing.

        Raises
        ------
        LogBroken
            The last stored record is not where it was, or records are missing.
        """
        if not self.verified and not self.never_read:
            self._verify(records[0])
        self.verified = True
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
        if first > expected and not self.never_read:
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
        self.tail_sha256 = tail_sha256_of(stretch.records[-1])

    def _verify(self, record: LogRecord) -> None:
        last = self.origin.next_offset - 1
        if record.offset != last:
            raise LogBroken(f"the last stored record was {last}, the log has {record.offset}")
        if tail_sha256_of(record) != self.tail_sha256:
            raise LogBroken(
                f"record {last} is another one than was stored: the topic was re-created"
            )


def position_of(claim: Claim, *, allow_gaps: bool) -> Position:
    """Start where PostgreSQL says."""
    return Position(
        claim=claim,
        origin=claim.origin,
        tail_sha256=claim.tail_sha256,
        verified=claim.tail_sha256 is None,
        allow_gaps=allow_gaps,
    )
