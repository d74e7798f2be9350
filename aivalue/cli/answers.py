"""What the commands read in answers of the services; whatever else an answer says is passed on.

An answer without these is none of a service of ours: a proxy's, or a service's of another release.
"""

from typing import Any, Literal, NotRequired, TypedDict

Anything = dict[str, Any]


class Difference(TypedDict):
    """One field of a definition before and after."""

    path: str
    before: Any
    after: Any


class Change(TypedDict):
    """What applying makes of one definition."""

    kind: str
    key: str
    action: Literal["create", "change", "none"]
    version: int
    diff: list[Difference]


class Changes(TypedDict):
    """What applying changes."""

    changes: list[Change]


class Stored(TypedDict):
    """One definition in its newest version."""

    kind: str
    key: str
    body: Anything


class DefinitionsPage(TypedDict):
    """Definitions, and where the next page begins."""

    definitions: list[Stored]
    next_cursor: str | None


class RulesPage(TypedDict):
    """Valuation rules, and where the next page begins."""

    valuation_rules: list[Stored]
    next_cursor: str | None


class TargetRead(TypedDict):
    """A sentence as the fields of a target."""

    kind: str
    amount: str
    due: str


class Run(TypedDict):
    """A run and the digest of what it computed."""

    run_id: str
    output_hash: str


class RunsPage(TypedDict):
    """Runs, the newest first."""

    runs: list[Run]


class GateBaseline(TypedDict):
    """A baseline that a decision rested on."""

    kpi: str
    version: int
    baseline_id: str
    level: str
    coverage: str
    reconstructed: bool


class GateDefinition(TypedDict):
    """A definition that a decision rested on."""

    kind: str
    key: str
    version: int


class Evidence(TypedDict):
    """All that a decision rested on."""

    baselines: list[GateBaseline]
    references: dict[str, str]
    definitions: list[GateDefinition]


class Gate(TypedDict):
    """A stage that was passed."""

    from_stage: str | None
    to_stage: str
    decided_at: str
    decided_by: str
    reason: str
    evidence: Evidence


class Gates(TypedDict):
    """The gates of an initiative."""

    gates: list[Gate]


class Fault(TypedDict):
    """A row that is not what was stored."""

    row: str
    fault: str


class ChainHead(TypedDict):
    """The newest entry of the chain."""

    position: int
    hash: str


class RecordVerified(TypedDict):
    """What baseline says of its record."""

    n_baselines: int
    n_definitions: int
    n_reviews: int
    n_gates: int
    head: ChainHead | None
    faults: list[Fault]


class PortfolioReports(TypedDict):
    """What reporting says of all portfolios."""

    as_of: str
    stale: bool
    stale_reason: str | None
    portfolios: list[Anything]


class InitiativeReport(TypedDict):
    """What reporting says of one initiative."""

    as_of: str
    stale: bool
    stale_reason: str | None
    initiative: Anything
    pending: str | None


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


class Renewal(TypedDict):
    """Whether a baseline still stands."""

    standing: str
    due_on: str
    expires_on: str
    reasons: list[str]


class Coverage(TypedDict):
    """How much of what should have been measured was."""

    expected_unit_days: int
    observed_unit_days: int
    ratio: str


class Exclusion(TypedDict):
    """Days that were left out."""

    start: str
    end: str
    units: list[str] | None
    reason: str


class Baseline(TypedDict):
    """A baseline without its measurements."""

    baseline_id: str
    initiative: str
    kpi: str
    kpi_version: int
    version: int
    status: str
    superseded: bool
    start: str
    end: str
    renewal: Renewal
    units: list[str]
    exclusions: list[Exclusion]
    coverage: Coverage
    reconstructed: bool
    reason: str
    sha256: str
    frozen_at: str
    frozen_by: str
    level: str
    n: int


class BaselinesPage(TypedDict):
    """Baselines, and where the next page begins."""

    baselines: list[Baseline]
    next_cursor: NotRequired[str | None]


class Trend(TypedDict):
    """Level and change a year of all units together."""

    level: str | None
    level_error: str | None
    trend: str | None
    trend_error: str | None
    n_weeks: int


class Season(TypedDict):
    """How a weekday or month differs."""

    difference: str
    error: str | None


class Profile(TypedDict):
    """What follows from the measurements; a row of the lists for each unit."""

    units: list[str]
    level: list[str | None]
    level_error: list[str | None]
    trend: list[str | None]
    trend_error: list[str | None]
    n_weeks: list[int]
    together: Trend
    weekdays: dict[str, Season]
    months: dict[str, Season]


class ProfiledBaseline(Baseline):
    """A baseline with what follows from its measurements."""

    profile: Profile | None


class Review(TypedDict):
    """What a second person decided."""

    reviewed_by: str
    decision: str
    comment: str


class Draft(TypedDict):
    """A baseline to be, with its reviews."""

    status: str
    drafted_by: str
    reviews: list[Review]
    baseline: Baseline


class DraftsPage(TypedDict):
    """Drafts, and where the next page begins."""

    drafts: list[Draft]
    next_cursor: NotRequired[str | None]


class Finding(TypedDict):
    """One thing that was looked at in a history."""

    name: str
    status: Literal["pass", "warn", "fail"]
    needed: str
    detail: str


class Readiness(TypedDict):
    """All findings about a history."""

    initiative: str
    kpi: str
    start: str
    end: str
    status: Literal["pass", "warn", "fail"]
    items: list[Finding]


class ExpectedDay(TypedDict):
    """What one day would show."""

    day: str
    level: float
    low: float
    high: float


class Expectation(TypedDict):
    """What later days would show."""

    kpi: str
    unit: str
    confidence: float
    mean: float
    mean_low: float
    mean_high: float
    backtest_error: float | None
    backtest_inside: float | None
    days: list[ExpectedDay]


class ChangedDay(TypedDict):
    """A unit-day that differs."""

    unit: str
    day: str
    how: str


class BaselineDifference(TypedDict):
    """How a later state differs from an earlier one."""

    differs: bool
    added: int
    removed: int
    changed: int
    days: list[ChangedDay]
    level_before: str | None
    level_after: str | None
    level_change: str | None


class Drift(BaselineDifference):
    """How today's events differ from what was frozen."""

    new_units: list[str]
