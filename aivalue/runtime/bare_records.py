"""Records as aiokafka's codec reads them, without the wrapper it puts around each.

A wrapper of eleven fields a record took half the time of reading; who asks for partitions knows
topic and partition, and the other fields are those of the record inside. There is no public way
past it, hence a subclass in the place of one private class; consumers that do not ask for bare
records are not concerned.
"""

from typing import Any

from aiokafka.consumer import fetcher


def bare(value: bytes | None) -> bytes | None:
    """Ask for bare records: the `value_deserializer` of a consumer that wants them."""
    return value


# aiokafka gives it no type.
class _Records(fetcher.PartitionRecords):  # type: ignore[misc]
    def _consumer_record(self, tp: Any, record: Any) -> Any:  # noqa: ANN401
        if self._value_deserializer is bare:
            return record
        return super()._consumer_record(tp, record)


fetcher.PartitionRecords = _Records
