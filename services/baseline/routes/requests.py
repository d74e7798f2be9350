"""What callers may ask to freeze or to assess: an initiative's KPI, days, units, exclusions."""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aivalue.baselines.window import days_in
from aivalue.kpis.definition import Day, Exclusion, Key, Text, Window
from services.baseline.load import Wanted

# Twenty years.
DAYS_MAX = 7_305


SCOPE_EXAMPLE: Final = {
    "initiative": "predictive-maintenance",
    "kpi": "downtime",
    "start": "2023-01-01",
    "end": "2024-01-01",
}


class ScopeRequest(BaseModel):
    """Which history; what is left out is taken from the design: window and exclusions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    initiative: Key
    kpi: Key
    start: Day | None = None
    end: Day | None = None
    units: tuple[Text, ...] | None = Field(default=None, min_length=1, max_length=100_000)
    exclusions: tuple[Exclusion, ...] | None = Field(default=None, max_length=1_000)

    @model_validator(mode="after")
    def _start_goes_with_end(self) -> Self:
        if (self.start is None) != (self.end is None):
            raise ValueError("start and end go together")
        if self.start is not None and self.end is not None:
            window = Window(start=self.start, end=self.end)
            if days_in(window) > DAYS_MAX:
                raise ValueError(f"a window has at most {DAYS_MAX} days, got {days_in(window)}")
        return self

    def wanted(self) -> Wanted:
        """Return the scope as the use cases take it."""
        window = None
        if self.start is not None and self.end is not None:
            window = Window(start=self.start, end=self.end)
        return Wanted(
            initiative=self.initiative,
            kpi=self.kpi,
            window=window,
            units=self.units,
            exclusions=self.exclusions,
        )
