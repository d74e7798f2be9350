"""Settings of the reporting service: `AIVALUE_REPORTING__*` beside those all services share."""

from pydantic import BaseModel, ConfigDict, Field

from aivalue.runtime.settings import RuntimeSettings


class ReportingGroup(BaseModel):
    """How fresh the figures are kept, and how many of them are exported."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    refresh_seconds: float = Field(
        default=30.0, gt=0, description="How often the services are read where nothing announced."
    )
    settle_seconds: float = Field(
        default=0.5, ge=0, description="Quiet time after an announcement, so that a burst is one."
    )
    max_age_seconds: float = Field(
        default=900.0, gt=0, description="Older figures are no longer exported to Prometheus."
    )
    attempts: int = Field(
        default=3, ge=1, description="Readings, when figures change while they are read."
    )
    requests_at_a_time: int = Field(default=8, ge=1, description="Initiatives read side by side.")
    series_max: int = Field(
        default=20_000, ge=1, description="Series a tenant; further initiatives are withheld."
    )


class ReportingSettings(RuntimeSettings):
    """What the reporting service reads from its environment."""

    reporting: ReportingGroup = ReportingGroup()

    @property
    def tenants(self) -> tuple[str, ...]:
        """Whose figures are shown; where everyone may call there is one tenant."""
        if self.auth.mode == "open":
            return (self.auth.open_tenant,)
        return tuple(self.kafka.tenants)
