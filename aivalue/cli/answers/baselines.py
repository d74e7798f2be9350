"""What answers about baselines, their drafts and their histories are read for."""

from typing import Literal, NotRequired, TypedDict


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
