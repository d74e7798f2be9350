"""What definitions, gates, runs, the record's verification and reports are read for."""

from typing import Any, Literal, TypedDict

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
