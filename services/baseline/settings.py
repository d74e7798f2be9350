"""Settings of the baseline service: the shared ones and its own; read once, at start."""

from pydantic import Field

from aivalue.runtime.settings import RuntimeSettings


class BaselineSettings(RuntimeSettings):
    """What the baseline service reads from `AIVALUE_*`."""

    review_required: bool = Field(
        default=False, description="Freeze only drafts that a second person approved."
    )
    drift_check_seconds: float = Field(
        default=900.0, gt=0, description="How often frozen baselines are compared with the events."
    )
