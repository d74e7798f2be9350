"""Whether a partition is read from where it stands, and only if its log is still the same."""

import pytest

from services.ingest.batch import Record
from services.ingest.positions import LogBroken, Position, position_of
from services.ingest.queries.partitions import GENESIS, Claim


def _record(offset: int, value: bytes = b"v") -> Record:
    return Record(
        log_id=1, partition=0, offset=offset, timestamp_ms=0, key=None, value=value, headers=()
    )


def _position(
    next_offset: int, *, tail: Record | None = None, allow_gaps: bool = False
) -> Position:
    claim = Claim(
        tenant="acme", topic="t", log_id=1, partition=0, epoch=3, next_offset=next_offset,
        tail_sha256=None if tail is None else tail.sha256(), head_hash=GENESIS,
    )  # fmt: skip
    return position_of(claim, allow_gaps=allow_gaps)


def test_a_claimed_partition_begins_at_the_record_that_proves_the_log() -> None:
    position = _position(10, tail=_record(9))

    assert position.seek_offset == 9
    stretch = position.take([_record(9), _record(10), _record(11)])

    assert stretch is not None
    assert [record.offset for record in stretch.records] == [10, 11]
    assert (stretch.next_offset, stretch.following_offset, stretch.epoch) == (10, 12, 3)
    assert position.seek_offset == 12


def test_another_record_where_the_last_one_was_breaks_the_log() -> None:
    position = _position(10, tail=_record(9))

    with pytest.raises(LogBroken, match="another one"):
        position.take([_record(9, b"other"), _record(10)])


def test_a_log_without_its_last_record_is_broken() -> None:
    position = _position(10, tail=_record(9))

    with pytest.raises(LogBroken, match="the log has 10"):
        position.take([_record(10)])


def test_nothing_new_is_nothing() -> None:
    position = _position(10, tail=_record(9))

    assert position.take([_record(9)]) is None
    assert position.take([_record(9)]) is None


def test_a_hole_is_read_again_once_and_then_breaks_the_log() -> None:
    position = _position(10, tail=_record(9))
    position.take([_record(9)])

    assert position.take([_record(12)]) is None
    assert position.seek_offset == 10
    with pytest.raises(LogBroken, match="expected offset 10"):
        position.take([_record(12)])


def test_control_records_may_leave_holes_where_that_is_allowed() -> None:
    position = _position(10, tail=_record(9), allow_gaps=True)

    stretch = position.take([_record(9), _record(12)])

    assert stretch is not None
    assert (stretch.next_offset, stretch.following_offset) == (10, 13)


def test_a_log_never_read_begins_where_retention_left_it() -> None:
    stretch = _position(0).take([_record(500)])

    assert stretch is not None
    assert (stretch.next_offset, stretch.following_offset) == (0, 501)


def test_every_record_changes_every_later_hash() -> None:
    hashes = []
    for first in (b"a", b"b"):
        position = _position(0)
        position.take([_record(0, first)])
        stretch = position.take([_record(1)])
        assert stretch is not None
        hashes.append(stretch.hash)

    assert hashes[0] != hashes[1]


def test_where_a_field_ends_is_part_of_the_fingerprint() -> None:
    one, other = _record(0), _record(0)
    object.__setattr__(one, "key", b"ab")
    object.__setattr__(other, "key", b"a")
    object.__setattr__(other, "value", b"bv")

    assert one.sha256() != other.sha256()
