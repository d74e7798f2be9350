"""Polls: what concerns one partition ends no poll of the others.

Nor does a record that the client cannot read. aiokafka reads a header's name as UTF-8, checks what
was fetched, and decompresses it. Where that fails, a poll of all partitions fails, and does not say
where: records that were fetched before it in the same poll are gone from the client, too. Then
every partition is read again from where it stands, one record at a time, up to the one that fails
again; its partition halts there, and nothing before it waits.
"""

import gzip
import struct
import zlib
from collections.abc import Sequence
from typing import Final

import cramjam
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
)

from services.ingest import metrics
from services.ingest.batch import LogRecord
from services.ingest.reading.assignment import Assignment
from services.ingest.reading.source import Polled, Source
from services.ingest.settings import IngestGroup

# While something is stored: long enough for what the client is just fetching.
BRIEFLY_MS: Final = 10
# A header's name, a checksum, and all that its four ways to decompress may raise.
UNREADABLE: Final = (
    UnicodeDecodeError,
    CorruptRecordException,
    cramjam.DecompressionError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    struct.error,
)
logger = structlog.get_logger()


class Reader:
    """Reads as much as there is; one record at a time for as long as a bad one is looked for."""

    def __init__(self, limits: IngestGroup, source: Source, assignment: Assignment) -> None:
        self._limits = limits
        self._source = source
        self._assignment = assignment
        self._turns_left = 0

    async def poll(self, asked: Sequence[TopicPartition], *, briefly: bool) -> Polled:
        """Read what is there of these partitions, of all where none is named; wait for it a little.

        Raises what the client raises, but for what concerns one partition.
        """
        paused = self._source.assignment() - self._assignment.positions.keys()
        for partition in paused:
            # Pause state is lost when a partition is assigned anew.
            self._source.pause(partition)
        metrics.PAUSED.set(len(paused))
        if not self._assignment.halted:
            metrics.BREAKER_OPEN.set(0)
        try:
            return await self._poll(asked, briefly=briefly)
        except NoOffsetForPartitionError:
            # Kafka need not have an offset. But aiokafka looks for it before it fetches anything of
            # the same broker, and once we heard that there is none, again: it would fetch nothing.
            for partition in paused:
                self._source.seek(partition, 0)
            return {}
        except OffsetOutOfRangeError as error:
            for partition in error.args[0]:
                await self._assignment.out_of_range(self._source, partition)
            return {}
        except RecordTooLargeError as error:
            await self._assignment.halt(self._source, error.args[1], reason="record too large")
            return {}

    async def _poll(self, asked: Sequence[TopicPartition], *, briefly: bool) -> Polled:
        if self._turns_left:
            return await self._poll_singly()
        limits = self._limits
        try:
            return await self._source.getmany(
                *asked,
                timeout_ms=min(BRIEFLY_MS, limits.poll_ms) if briefly else limits.poll_ms,
                max_records=limits.batch_records_max,
            )
        except UNREADABLE as error:
            logger.warning("a record cannot be read, looking for it", error=repr(error))
            self._rewind()
            # No more than one poll may give can stand before it.
            self._turns_left = limits.batch_records_max + 1
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
            except UNREADABLE as error:
                self._turns_left = 0
                reason = f"the record at offset {position.seek_offset} {_complaint(error)}"
                await self._assignment.halt(self._source, partition, reason=reason)
            except Exception:
                self._rewind()
                raise
        return polled

    def _rewind(self) -> None:
        """Read every partition again from where it stands: what the client gave up is not lost."""
        for partition, position in self._assignment.positions.items():
            self._source.seek(partition, position.seek_offset)


def _complaint(error: Exception) -> str:
    """Say what is wrong with a record that cannot be read."""
    if isinstance(error, UnicodeDecodeError):
        return f"has a header whose name is not UTF-8: {error}"
    return f"cannot be read: {error!r}"
