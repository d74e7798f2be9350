"""Topics, and which event type stands on which."""

from typing import Final

from aivalue.events import business, model
from aivalue.events.fields import EventData

BUSINESS: Final = "aivalue.business.v1"
MODEL: Final = "aivalue.model.v1"
REPLAY: Final = "aivalue.replay.v1"
CHANGES: Final = "aivalue.changes.v1"
VALUE: Final = "aivalue.value.v1"
INPUTS: Final = (BUSINESS, MODEL, REPLAY)

BUSINESS_DATA: Final[tuple[type[EventData], ...]] = (
    business.MeasurementRecorded,
    business.OutcomeRecorded,
    business.InterventionAssigned,
    business.CostCharged,
    business.RealizationRecorded,
    business.EventRetracted,
    business.BackfillReverted,
)
MODEL_DATA: Final[tuple[type[EventData], ...]] = (
    model.ModelVersionRegistered,
    model.DeploymentChanged,
    model.DecisionMade,
    model.QualityMeasured,
    model.DriftDetected,
)
DATA_BY_TYPE: Final[dict[str, type[EventData]]] = {
    str(data.__dict__["TYPE"]): data for data in BUSINESS_DATA + MODEL_DATA
}
_TYPE_BY_DATA = {data: name for name, data in DATA_BY_TYPE.items()}


def type_of(data: EventData) -> str:
    """Return the CloudEvents `type` that carries the data."""
    return _TYPE_BY_DATA[type(data)]


def topic_of(data: type[EventData]) -> str:
    """Return the input topic on which producers put the data."""
    return MODEL if data in MODEL_DATA else BUSINESS
