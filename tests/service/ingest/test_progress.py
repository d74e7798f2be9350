"""Whether a process that stands still is found out, and one with nothing to do is left alone."""

from services.ingest.reading.progress import SLOW_TURN_SECONDS, STALLED_SECONDS, Progress

LATER = STALLED_SECONDS + 1


def _progress() -> Progress:
    return Progress(turned_at=0, stored_at=0)


def test_nothing_to_do_is_no_stall() -> None:
    progress = _progress()

    progress.turn(LATER, n_waiting=0, unclaimed=False)

    assert progress.stall(LATER) is None
    assert progress.complaint(LATER) is None


def test_a_loop_that_does_not_turn_is_complained_of_first_and_ended_later() -> None:
    progress = _progress()

    assert progress.complaint(SLOW_TURN_SECONDS + 1) == "the poll loop does not turn"
    assert progress.stall(SLOW_TURN_SECONDS + 1) is None
    assert progress.stall(LATER) == "the poll loop does not turn"


def test_records_that_wait_while_none_is_stored_are_a_stall() -> None:
    progress = _progress()

    progress.turn(1, n_waiting=7, unclaimed=False)
    progress.turn(LATER, n_waiting=7, unclaimed=False)

    assert progress.stall(LATER) == "7 records wait and none was stored for 120 s"
    progress.stored(LATER)
    assert progress.stall(LATER) is None


def test_a_turn_that_stores_batch_after_batch_is_no_standstill() -> None:
    """A poll of a thousand tenants is a thousand transactions."""
    progress = _progress()
    progress.turn(1, n_waiting=7, unclaimed=False)

    for now in range(1, int(LATER), int(SLOW_TURN_SECONDS)):
        progress.stored(now)

        assert progress.complaint(now + SLOW_TURN_SECONDS) is None
        assert progress.stall(now + SLOW_TURN_SECONDS) is None


def test_partitions_that_cannot_be_claimed_make_it_unready_but_not_end() -> None:
    """PostgreSQL may be away for an hour; a restart would not bring it back."""
    progress = _progress()

    progress.turn(1, n_waiting=0, unclaimed=True)
    progress.turn(LATER + 1, n_waiting=0, unclaimed=True)

    assert progress.stall(LATER + 1) is None
    assert progress.complaint(LATER + 1) == "assigned partitions could not be claimed for 120 s"
    progress.turn(LATER + 2, n_waiting=0, unclaimed=False)
    assert progress.complaint(LATER + 2) is None
