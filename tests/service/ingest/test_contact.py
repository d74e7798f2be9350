"""Whether a broker that answers nothing is told from a log without news."""

from aiokafka import TopicPartition

from services.ingest.reading.contact import Contact
from tests.model.log import PARTITIONS, Log, LogSource

SILENT_SECONDS = 30.0
ONE, TWO = PARTITIONS


class Answered(LogSource):
    """Is answered when the test says so."""

    def __init__(self) -> None:
        super().__init__(Log())
        self._assigned = set(PARTITIONS)
        self.answers: dict[TopicPartition, int] = {}

    def last_poll_timestamp(self, partition: TopicPartition) -> int | None:
        """Say when the test last answered."""
        assert partition in self._assigned, "Partition is not assigned"
        return self.answers.get(partition)


class Clock:
    """A time that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        """Return it."""
        return self.now


def _contact() -> tuple[Contact, Answered, Clock]:
    source, clock = Answered(), Clock()
    return Contact(source, silent_seconds=SILENT_SECONDS, clock=clock), source, clock


def test_answers_without_records_are_answers() -> None:
    contact, source, clock = _contact()

    for second in range(0, 100, 10):
        clock.now = second
        source.answers = dict.fromkeys(PARTITIONS, second)
        contact.observe({ONE: 0, TWO: 0})

        assert contact.complaint() is None


def test_a_broker_that_falls_silent_is_complained_of_until_it_answers() -> None:
    contact, source, clock = _contact()
    source.answers = dict.fromkeys(PARTITIONS, 1)
    contact.observe({ONE: 0, TWO: 0})

    clock.now = SILENT_SECONDS
    contact.observe({ONE: 0, TWO: 0})
    assert contact.complaint() is None
    clock.now += 1
    contact.observe({ONE: 0, TWO: 0})
    assert contact.complaint() == "the broker has answered nothing about 2 partitions for 31 s"

    source.answers = dict.fromkeys(PARTITIONS, 2)
    contact.observe({ONE: 0, TWO: 0})
    assert contact.complaint() is None


def test_one_partition_whose_leader_is_away_is_enough() -> None:
    contact, source, clock = _contact()
    for second in range(40):
        clock.now = second
        source.answers = {ONE: second, TWO: 0}
        contact.observe({ONE: 0, TWO: 0})

    assert contact.complaint() == "the broker has answered nothing about 1 partitions for 39 s"


def test_a_wall_clock_that_is_set_back_is_no_silence() -> None:
    """The client's marks are of the wall clock; that they change is what counts."""
    contact, source, clock = _contact()
    source.answers = {ONE: 1_000_000}
    contact.observe({ONE: 0})
    clock.now = SILENT_SECONDS + 1
    source.answers = {ONE: 5}
    contact.observe({ONE: 0})

    assert contact.complaint() is None


def test_records_that_wait_here_are_a_reason_not_to_ask() -> None:
    contact, _, clock = _contact()
    contact.observe({ONE: 7})
    clock.now = SILENT_SECONDS + 1
    contact.observe({ONE: 7})

    assert contact.complaint() is None


def test_a_partition_claimed_while_nobody_answers_does_not_hide_that() -> None:
    contact, _, clock = _contact()
    contact.observe({ONE: 0})
    clock.now = SILENT_SECONDS + 1
    contact.observe({TWO: 0})

    assert contact.complaint() == "the broker has answered nothing about 1 partitions for 31 s"


def test_a_partition_that_a_rebalance_just_took_is_not_asked_about() -> None:
    contact, source, _ = _contact()
    source._assigned = {ONE}

    contact.observe({ONE: 0, TWO: 0})
