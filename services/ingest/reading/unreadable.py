"""Polls, and finds a record that the client cannot read.

aiokafka reads a header's name as UTF-8. Where it is not, a poll of all partitions fails, and does
not say where: records that were fetched before it in the same poll are gone from the client, too.
Then every partition is read again from where it stands, one record at a time, up to the one that
fails; its partition halts there, and nothing before it waits.
"""

from collections.abc import Sequence

import structlog
from aiokafka import TopicPartition

from services.ingest.batch import LogRecord
from services.ingest.reading.assignment import Assignment
from services.ingest.reading.source import Polled, Source
from services.ingest.settings import IngestGroup

logger = structlog.get_logger()


class Reader:
    """Reads as much as there is; one record at a time for as long as a bad one is looked for."""

    def __init__(self, limits: IngestGroup, source: Source, assignment: Assignment) -> None:
        self._limits = limits
        self._source = source
        self._assignment = assignment
        self._turns_left = 0

    async def poll(self, *partitions: TopicPartition, timeout_ms: int) -> Polled:
        """Read what is there of all partitions, or of these, where they are named.

        Raises what the client raises, but for a record it cannot read.
        """
        if self._turns_left:
            return await self._poll_singly()
        try:
            return await self._source.getmany(
                *partitions, timeout_ms=timeout_ms, max_records=self._limits.batch_records_max
            )
        except UnicodeDecodeError as error:
            logger.warning("a header's name is not UTF-8, looking for it", error=repr(error))
            self._rewind()
            # No more than one poll may give can stand before it.
            self._turns_left = self._limits.batch_records_max + 1
            return {}

    async def _poll_singly(self) -> Polled:
        self._turns_left -= 1
        polled: dict[TopicPartition, Sequence[LogRecord]] = {}
        lag, positions = self._assignment.lag, self._assignment.positions
        behind = [each for each in positions if lag(self._source, each)]
        if not behind:
            self._turns_left = 0
        for partition in behind:
            position = positions.get(partition)
            if position is None:
                # It was taken from us while another one was read.
                continue
            try:
                polled |= await self._source.getmany(
                    partition, timeout_ms=self._limits.poll_ms, max_records=1
                )
            except UnicodeDecodeError as error:
                self._turns_left = 0
                reason = (
                    f"the record at offset {position.seek_offset} has a header whose name is "
                    f"not UTF-8: {error}"
                )
                await self._assignment.halt(self._source, partition, reason=reason)
            except Exception:
                self._rewind()
                raise
        return polled

    def _rewind(self) -> None:
        """Read every partition again from where it stands: what the client gave up is not lost."""
        for partition, position in self._assignment.positions.items():
            self._source.seek(partition, position.seek_offset)
