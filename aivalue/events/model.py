"""Data of the events that models and their platforms emit."""

from decimal import Decimal
from typing import ClassVar, Literal

from aivalue.events.business import Arm
from aivalue.events.fields import (
    EventData,
    InstantWindow,
    Name,
    OptionalName,
    require_storable,
)


class ModelVersionRegistered(EventData, frozen=True, kw_only=True):
    """A version of a model exists."""

    TYPE: ClassVar[str] = "aivalue.model_version.registered.v1"

    model: Name
    version: Name
    artefact_hash: OptionalName = ""
    training_data: OptionalName = ""
    risk_tier: Literal["", "minimal", "limited", "high"] = ""


class DeploymentChanged(EventData, frozen=True, kw_only=True):
    """A version went into shadow, live, or was rolled back; everywhere, or on one unit."""

    TYPE: ClassVar[str] = "aivalue.deployment.changed.v1"

    model: Name
    version: Name
    state: Literal["shadow", "live", "rolled_back"]
    unit: OptionalName = ""


class DecisionMade(EventData, frozen=True, kw_only=True):
    """A model (or the policy it competes with) decided; the outcome follows."""

    TYPE: ClassVar[str] = "aivalue.decision.made.v1"

    decision: Name
    model: Name
    version: Name
    unit: Name
    segment: OptionalName = ""
    arm: Arm = ""
    initiative: OptionalName = ""
    score: Decimal | None = None
    threshold: Decimal | None = None
    action: Name
    propensity: Decimal | None = None

    def __post_init__(self) -> None:
        require_storable("score", self.score)
        require_storable("threshold", self.threshold)
        require_storable("propensity", self.propensity)
        if self.propensity is not None and not 0 < self.propensity <= 1:
            raise ValueError(f"propensity must lie in (0, 1], got {self.propensity}")


class QualityMeasured(EventData, frozen=True, kw_only=True):
    """A quality figure of a model version over a window."""

    TYPE: ClassVar[str] = "aivalue.quality.measured.v1"

    model: Name
    version: Name
    metric: Name
    value: Decimal
    window: InstantWindow

    def __post_init__(self) -> None:
        require_storable("value", self.value)


class DriftDetected(EventData, frozen=True, kw_only=True):
    """A model version sees other data, or another relation, than it was trained on."""

    TYPE: ClassVar[str] = "aivalue.drift.detected.v1"

    model: Name
    version: Name
    kind: Literal["data", "concept"]
    metric: OptionalName = ""
    value: Decimal | None = None
    unit: OptionalName = ""

    def __post_init__(self) -> None:
        require_storable("value", self.value)
