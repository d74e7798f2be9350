"""What baseline and attribution tell the others: definitions, frozen baselines, runs.

Published on the value topic in JSON format, the tenant in the extension attribute `tenant`.
"""

from datetime import date
from typing import ClassVar, Literal

from aivalue.events.fields import EventData, Name


class ChangedVersion(EventData, frozen=True, kw_only=True):
    """One definition and the version it now has."""

    kind: Name
    key: Name
    version: int


class DefinitionsChanged(EventData, frozen=True, kw_only=True):
    """Definitions became true together; `initiatives` are those whose figures they concern."""

    TYPE: ClassVar[str] = "aivalue.definitions.changed.v1"

    changes: list[ChangedVersion]
    initiatives: list[Name]
    chain_hash: str | None = None


class BaselineFrozen(EventData, frozen=True, kw_only=True):
    """A baseline exists, and will never change."""

    TYPE: ClassVar[str] = "aivalue.baseline.frozen.v1"

    baseline_id: Name
    initiative: Name
    kpi: Name
    kpi_version: int
    version: int
    start: date
    end: date
    sha256: str
    reconstructed: bool
    snapshot: str
    merkle_root: str | None = None
    chain_hash: str | None = None


class RulesChanged(EventData, frozen=True, kw_only=True):
    """Valuation rules became true together; `initiatives` are those that they price."""

    TYPE: ClassVar[str] = "aivalue.valuation_rules.changed.v1"

    changes: list[ChangedVersion]
    initiatives: list[Name]


class AttributionCompleted(EventData, frozen=True, kw_only=True):
    """An initiative has a new run; refused where none of its KPIs could be estimated."""

    TYPE: ClassVar[str] = "aivalue.attribution.completed.v1"

    initiative: Name
    run_id: Name
    number: int
    status: Literal["completed", "refused"]
    input_hash: str
    output_hash: str


Announced = DefinitionsChanged | BaselineFrozen | RulesChanged | AttributionCompleted
ANNOUNCED: tuple[type[Announced], ...] = (
    DefinitionsChanged,
    BaselineFrozen,
    RulesChanged,
    AttributionCompleted,
)
