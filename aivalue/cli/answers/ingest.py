"""What answers about partitions, days, backfills, dead letters and events are read for."""

from typing import TypedDict


class Fault(TypedDict):
    """A row that is not what was stored."""

    row: str
    fault: str


class Partition(TypedDict):
    """Where a partition stands."""

    topic: str
    incarnation: int
    partition: int
    next_offset: int
    closed: bool
    owner: str | None
    state: str
    halt_reason: str | None


class Rotated(TypedDict):
    """A topic whose log begins anew."""

    topic: str
    log_id: int


class PartVerified(TypedDict):
    """What ingest says of one part of a partition."""

    topic: str
    incarnation: int
    partition: int
    next_offset: int
    end_offset: int
    head_hash: str
    n_batches: int
    n_records: int
    n_unsealed: int
    hash_found: bool
    n_faults: int
    faults: list[Fault]


class DayFigure(TypedDict):
    """A figure of a day as it is kept and as its measurements give it."""

    figure: str
    kept: str | None
    derived: str | None


class DifferingDay(TypedDict):
    """A day that is not what its measurements give."""

    kpi: str
    unit: str
    segment: str
    arm: str
    day: str
    figures: list[DayFigure]


class DaysCompared(TypedDict):
    """Days that were compared or mended, and where the next page begins."""

    n_days: int
    n_differing: int
    differing: list[DifferingDay]
    next_cursor: str | None


class Backfill(TypedDict):
    """What came with a backfill."""

    backfill: str
    announced_at: str
    state: str
    n_events: int
    n_reverted: int
    reverted_at: str | None
    revert_reason: str | None


class BackfillsPage(TypedDict):
    """Backfills, and where the next page begins."""

    backfills: list[Backfill]
    next_cursor: str | None


class BackfillState(TypedDict):
    """Whether a backfill counts, and how much is left to do for it."""

    reverted: bool
    changed: bool
    n_left: int


class Mistake(TypedDict):
    """What is wrong with an event, and where."""

    path: str
    message: str


class DeadLetter(TypedDict):
    """A message that was not counted."""

    dead_letter_id: int
    received_at: str
    topic: str
    reason: str
    errors: list[Mistake]
    event_id: str | None
    key_base64: str | None
    value_base64: str | None
    headers: list[tuple[str, str | None]]


class DeadLettersPage(TypedDict):
    """Dead letters, and where the next page begins."""

    dead_letters: list[DeadLetter]
    next_cursor: str | None


class Resolution(TypedDict):
    """What was done with a dead letter."""

    resolved_at: str
    outcome: str
    resolved_by: str
    reason: str


class DeadLetterHistory(TypedDict):
    """A dead letter and what was done with it."""

    dead_letter: DeadLetter
    resolutions: list[Resolution]


class Replayed(TypedDict):
    """What became of one dead letter."""

    dead_letter_id: int
    outcome: str


class ReplayAnswer(TypedDict):
    """What became of dead letters."""

    results: list[Replayed]


class Discarded(TypedDict):
    """Dead letters that were closed."""

    ids: list[int]


class Original(TypedDict):
    """An event as it arrived."""

    key_base64: str | None
    value_base64: str | None
    headers: list[tuple[str, str | None]]


class EventStored(TypedDict):
    """What became of one event."""

    status: str


class EventsStored(TypedDict):
    """What became of events."""

    results: list[EventStored]
