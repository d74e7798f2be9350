"""Whether a partition is read from where it stands, and only if its log is still the same."""

import pytest

from aivalue.errors import InvalidEvent
from aivalue.events.columns import Columns
from services.ingest.batch import (
    LogRecord,
    Origin,
    Record,
    Stretch,
    dead_letter_of,
    sha256_of,
    stretch_of,
    tail_sha256_of,
)
from services.ingest.queries.partitions import GENESIS, Claim
from services.ingest.reading.positions import HELD_MS, Position, position_of
from services.ingest.taxonomy import LogBroken


def _record(offset: int, value: bytes = b"v") -> Record:
    return Record(offset=offset, timestamp=0, key=None, value=value, headers=())


def _position(
    next_offset: int, *, tail: Record | None = None, allow_gaps: bool = False
) -> Position:
    origin = Origin(log_id=1, partition=0, epoch=3, next_offset=next_offset, head_hash=GENESIS)
    claim = Claim(
        tenant="acme", topic="t", origin=origin,
        tail_sha256=None if tail is None else tail_sha256_of(tail),
    )  # fmt: skip
    return position_of(claim, allow_gaps=allow_gaps)


def _read(position: Position, *records: Record) -> Stretch | None:
    new: list[LogRecord] = list(position.new_among(records))
    if not new:
        return None
    error = InvalidEvent("no event", reason="not_json")
    dead = [dead_letter_of(position.origin, record, error) for record in new]
    stretch = stretch_of(position.origin, new, [], Columns(), dead)
    position.follow(stretch)
    return stretch


def test_a_claimed_partition_begins_at_the_record_that_proves_the_log() -> None:
    position = _position(10, tail=_record(9))

    assert position.seek_offset == 9
    stretch = _read(position, _record(9), _record(10), _record(11))

    assert stretch is not None
    assert [record.offset for record in stretch.records] == [10, 11]
    assert (stretch.origin.next_offset, stretch.following_offset) == (10, 12)
    assert position.seek_offset == 12


def test_another_record_where_the_last_one_was_breaks_the_log() -> None:
    position = _position(10, tail=_record(9))

    with pytest.raises(LogBroken, match="another one"):
        _read(position, _record(9, b"other"), _record(10))


def test_a_log_without_its_last_record_is_broken() -> None:
    position = _position(10, tail=_record(9))

    with pytest.raises(LogBroken, match="the log has 10"):
        _read(position, _record(10))


@pytest.mark.parametrize(
    ("answered_ms", "end", "needs_proof"),
    [
        pytest.param(1_000, 40, False, id="of the same answer"),
        pytest.param(1_000 + HELD_MS, 50, False, id="of one that came in time"),
        pytest.param(1_001 + HELD_MS, 50, True, id="of one that came late"),
        pytest.param(1_200, 39, True, id="of a log that shrank"),
        pytest.param(-9_000_000, 50, False, id="by a clock that was set back"),
        pytest.param(None, None, False, id="of a client that does not say"),
    ],
)
def test_the_log_is_proved_anew_where_records_come_late_or_it_shrank(
    answered_ms: int | None, end: int | None, *, needs_proof: bool
) -> None:
    position = _position(10, tail=_record(9))
    position.heard(answered_ms=1_000, end=40)
    assert not position.needs_proof()
    _read(position, _record(9), _record(10))

    position.heard(answered_ms=answered_ms, end=end)

    assert position.needs_proof() == needs_proof
    assert position.seek_offset == (10 if needs_proof else 11)
    assert not position.needs_proof()


def test_nothing_new_is_nothing() -> None:
    position = _position(10, tail=_record(9))

    assert _read(position, _record(9)) is None
    assert _read(position, _record(9)) is None


def test_a_hole_is_read_again_once_and_then_breaks_the_log() -> None:
    position = _position(10, tail=_record(9))
    _read(position, _record(9))

    assert _read(position, _record(12)) is None
    assert position.seek_offset == 10
    with pytest.raises(LogBroken, match="expected offset 10"):
        _read(position, _record(12))


def test_a_hole_among_what_was_read_breaks_the_log() -> None:
    with pytest.raises(LogBroken, match="0 to 2 hold 2"):
        _read(_position(0), _record(0), _record(2))


def test_control_records_may_leave_holes_where_that_is_allowed() -> None:
    position = _position(10, tail=_record(9), allow_gaps=True)

    stretch = _read(position, _record(9), _record(12), _record(14))

    assert stretch is not None
    assert (stretch.origin.next_offset, stretch.following_offset) == (10, 15)


def test_a_log_never_read_begins_where_retention_left_it() -> None:
    stretch = _read(_position(0), _record(500))

    assert stretch is not None
    assert (stretch.origin.next_offset, stretch.following_offset) == (0, 501)


def test_every_record_changes_every_later_hash() -> None:
    hashes = []
    for first in (b"a", b"b"):
        position = _position(0)
        _read(position, _record(0, first))
        stretch = _read(position, _record(1))
        assert stretch is not None
        hashes.append(stretch.hash)

    assert hashes[0] != hashes[1]


def test_where_a_field_ends_is_part_of_the_fingerprint() -> None:
    one = Record(offset=0, timestamp=0, key=b"ab", value=b"v", headers=())
    other = Record(offset=0, timestamp=0, key=b"a", value=b"bv", headers=())

    assert sha256_of(one) != sha256_of(other)
