"""Settings of the attribution service: `AIVALUE_ATTRIBUTION__*` beside those all services share."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aivalue.runtime.settings import RuntimeSettings


class AttributionGroup(BaseModel):
    """When to recompute, and how much of the machine to use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    debounce_seconds: float = Field(
        default=2.0, ge=0, description="Quiet time after the last change before a recompute."
    )
    debounce_seconds_max: float = Field(
        default=30.0, ge=0, description="A recompute never waits longer than this."
    )
    workers: int = Field(default=1, ge=0, le=16, description="Recomputes at a time; 0 runs none.")
    poll_seconds: float = Field(default=0.5, gt=0, description="Pause of a worker without work.")
    lease_seconds: float = Field(
        default=30.0, ge=1, description="After a crash, another worker takes over this much later."
    )
    run_wait_seconds: float = Field(
        default=60.0, ge=0, description="How long a request waits for the run before its own."
    )
    backoff_seconds: float = Field(default=1.0, gt=0, description="Pause after a failed recompute.")
    backoff_seconds_max: float = Field(default=300.0, gt=0)
    snapshot_attempts: int = Field(
        default=2, ge=1, description="Reads of the inputs before a run may mix snapshots."
    )
    read_timeout_seconds: float = Field(
        default=120.0, gt=0, description="A series of a million rows takes its time."
    )
    scopes_max: int = Field(
        default=50, ge=0, description="Units that get an effect of their own, at most."
    )
    sweep_seconds: float = Field(
        default=3_600.0, gt=0, description="How often every initiative is looked at again."
    )

    @model_validator(mode="after")
    def _debounce_is_bounded(self) -> Self:
        if self.debounce_seconds_max < self.debounce_seconds:
            raise ValueError(
                f"debounce_seconds_max is {self.debounce_seconds_max}, must be at least "
                f"debounce_seconds ({self.debounce_seconds})"
            )
        return self


class AttributionSettings(RuntimeSettings):
    """What the attribution service reads from its environment."""

    attribution: AttributionGroup = AttributionGroup()
