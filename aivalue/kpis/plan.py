"""What estimating needs to know of a KPI and a design, without the machinery that validates them.

An estimator's worker starts often, and the models of `aivalue.kpis.definition`, which keep these
promises, take as long to import as numpy does.
"""

from datetime import date
from typing import Literal, Protocol

BetterWhen = Literal["higher", "lower"]
Aggregation = Literal["sum", "mean", "ratio", "rate", "count"]
Estimator = Literal[
    "difference_in_means",
    "difference_in_means_by_unit",
    "synthetic_difference_in_differences",
    "synthetic_control",
    "conformal_synthetic_control",
    "difference_in_differences",
    "before_after",
]


class Days(Protocol):
    """Half-open range of business days, [start, end)."""

    @property
    def start(self) -> date:
        """First day."""

    @property
    def end(self) -> date:
        """Day after the last."""


class MeasuredKpi(Protocol):
    """How measurements become one number, and which way is good."""

    @property
    def key(self) -> str:
        """Name that others refer to it by."""

    @property
    def aggregation(self) -> Aggregation:
        """How measurements become one number."""

    @property
    def better_when(self) -> BetterWhen:
        """Which way is good."""


class Plan(Protocol):
    """How the AI reaches units and how its effect is to be read."""

    @property
    def assignment(self) -> Literal["random", "phased", "self_selected"]:
        """How units or events came to the AI."""

    @property
    def randomized_by(self) -> Literal["event", "unit"] | None:
        """What was drawn at random."""

    @property
    def scale(self) -> Literal["additive", "proportional"]:
        """Whether season and effect add up or multiply."""

    @property
    def baseline(self) -> Days | None:
        """Days before the AI."""

    @property
    def measured(self) -> Days | None:
        """Days that the effect is estimated on; None is from go-live on."""

    @property
    def confidence(self) -> float:
        """Of the intervals."""

    @property
    def events_min(self) -> int:
        """Measurements per arm below which there is no estimate."""

    @property
    def estimator(self) -> Estimator | None:
        """Asked for instead of the strongest that the facts permit."""

    @property
    def approver(self) -> str | None:
        """Who answers for an estimator that the facts do not permit."""

    @property
    def steady_by(self) -> str | None:
        """Who answers for it that the KPI's level does not wander by itself."""
