"""Definitions as code: what is measured, on what, aimed at what, and how the AI is rolled out.

These are the shapes of the YAML files, of the HTTP bodies and of the stored, versioned rows alike.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from aivalue.kpis.plan import Aggregation, BetterWhen, Estimator


def _no_float(value: object) -> object:
    if isinstance(value, float):
        raise ValueError(f'an exact decimal must not pass through a float: write "{value!r}"')  # noqa: TRY004 - pydantic collects ValueErrors
    return value


def _iso_only(value: object) -> object:
    # Left alone, pydantic reads 1704067200 as seconds since 1970: never what a person meant.
    if not isinstance(value, date) and not _ISO_DAY.fullmatch(str(value)):
        raise ValueError("a day is written YYYY-MM-DD, such as 2024-01-31")
    return value


_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
# Control characters other than tab and line feed print as nothing and cannot be stored as jsonb.
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$"),
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Exact = Annotated[Decimal, Field(max_digits=38), BeforeValidator(_no_float)]
Day = Annotated[date, BeforeValidator(_iso_only)]
Stage = Literal["idea", "approved", "pilot", "scale", "run", "retired", "stopped"]


class Definition(BaseModel):
    """Base of all definitions: immutable, closed (an unknown field is an error), keyed."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    key: Key


class Portfolio(Definition):
    """Initiatives that are reported together, in one currency."""

    name: Text
    owner: Text
    reporting_currency: Currency
    hurdle_rate: Exact = Field(
        default=Decimal("0.10"), ge=0, lt=1, description="Annual discount rate, 0.10 is 10 %."
    )
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12)


class Initiative(Definition):
    """An AI use case: who owns it, where it stands, when it went live."""

    portfolio: Key
    name: Text
    owner: Text
    sponsor: Text | None = None
    stage: Stage
    risk_tier: Literal["minimal", "limited", "high"] = "limited"
    go_live: Day | None = Field(default=None, description="First day any unit works with the AI.")
    tags: dict[Text, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _live_stages_have_a_go_live(self) -> Self:
        if self.stage in {"pilot", "scale", "run"} and self.go_live is None:
            raise ValueError(f"stage {self.stage} needs go_live, the first day with the AI")
        return self


class Process(Definition):
    """The work that the AI changes."""

    name: Text
    unit_of_analysis: Text = Field(description="What a unit is: line, team, store, customer.")
    cost_centre: Text | None = None
    gl_keys: tuple[Text, ...] = ()
    redesigned_on: Day | None = Field(
        default=None,
        description="First day it works another way, AI apart; baselines of before end there.",
    )


class Kpi(Definition):
    """How measurements become one number.

    `mean`: sum / n. `ratio` and `rate`: numerator / denominator. `sum` and `count`: total per
    unit-day. The denominator, the number of measurements or the unit-days are the *volume*.
    """

    process: Key
    name: Text
    unit: Text = Field(description='Unit of the KPI, e.g. "min/h", "share", "EUR".')
    better_when: BetterWhen
    aggregation: Aggregation
    grain: Literal["day"] = "day"
    numerator: Text | None = None
    denominator: Text | None = None
    dimensions: tuple[Key, ...] = ()
    guardrail: bool = False

    @model_validator(mode="after")
    def _ratio_names_both_parts(self) -> Self:
        is_ratio = self.aggregation in {"ratio", "rate"}
        if is_ratio and not (self.numerator and self.denominator):
            raise ValueError(f"a {self.aggregation} KPI needs numerator and denominator")
        if not is_ratio and (self.numerator or self.denominator):
            raise ValueError(f"a {self.aggregation} KPI has no numerator or denominator")
        return self


class Target(Definition):
    """What was promised; the amount is an improvement, so it is always positive."""

    initiative: Key
    kpi: Key
    kind: Literal["relative", "absolute", "percentage_points"]
    amount: Exact = Field(gt=0, description="Relative: 0.15 is 15 %. Points: 1.5 is 1.5 pp.")
    due: Day


class Window(BaseModel):
    """Half-open range of business days, [start, end)."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    start: Day
    end: Day

    @model_validator(mode="after")
    def _start_is_first(self) -> Self:
        if not self.start < self.end:
            raise ValueError(f"window must start before it ends, got {self.start} to {self.end}")
        return self


class Exclusion(Window):
    """Days that say nothing about the process: a strike, an outage, a known anomaly.

    Without units it takes the days out for all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    units: tuple[Text, ...] | None = Field(default=None, min_length=1)
    reason: Text


class Design(Definition):
    """How the AI reaches units and how its effect is to be read; `key` is the initiative's."""

    kpis: tuple[Key, ...] = Field(min_length=1)
    assignment: Literal["random", "phased", "self_selected"]
    randomized_by: Literal["event", "unit"] | None = None
    scale: Literal["additive", "proportional"] = "additive"
    baseline: Window | None = Field(
        default=None, description="Pre-AI window; absent where control is measured in parallel."
    )
    exclusions: tuple[Exclusion, ...] = Field(
        default=(), max_length=1_000, description="Days that the baseline leaves out, and why."
    )
    measured: Window | None = Field(
        default=None, description="Days the effect is estimated on; absent means from go-live on."
    )
    confidence: float = Field(default=0.95, ge=0.5, le=0.999)
    events_min: int = Field(
        default=100, ge=1, le=10**9, description="Per arm, below it no estimate."
    )
    estimator: Estimator | None = Field(
        default=None, description="Asked for instead of the strongest that the facts permit."
    )
    approver: Text | None = Field(
        default=None, description="Who answers for an estimator that the facts do not permit."
    )
    steady_by: Text | None = Field(
        default=None,
        description="Who answers for it that the KPI's level does not wander by itself: without "
        "controls the narrower interval then counts unless the history speaks strongly against "
        "it. Counts as recorded before the first day with AI.",
    )
    estimator_version: Text | None = Field(
        default=None, description="Version of aivalue whose estimators are to read it."
    )
    units: tuple[Text, ...] = Field(
        default=(), max_length=100_000, description="Units it is read on; absent means all."
    )
    looks: tuple[Day, ...] = Field(
        default=(), max_length=60, description="Days on which the effect is to be read."
    )
    planned_subjects: int | None = Field(
        default=None,
        ge=2,
        le=10**12,
        description="Of both arms at the planned end (units, where units were drawn): where the "
        "interval for looking daily is narrowest. Counts as recorded before the first day with AI.",
    )
    expected_sizes: dict[Key, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default_factory=dict,
        description="By KPI, in its unit, the deviation of effects that one expects: adds the "
        "ratio test (mSPRT) to the readings for looking daily. Counts as recorded before the "
        "first day with AI.",
    )

    @model_validator(mode="after")
    def _an_approver_approves_something(self) -> Self:
        if self.approver is not None and self.estimator is None:
            raise ValueError("approver goes with estimator: who answers for asking for it")
        if list(self.looks) != sorted(set(self.looks)):
            raise ValueError("looks are days in ascending order, each once")
        return self

    @model_validator(mode="after")
    def _sizes_are_of_its_kpis(self) -> Self:
        strangers = sorted(set(self.expected_sizes) - set(self.kpis))
        if strangers:
            raise ValueError(f"expected_sizes names {', '.join(strangers)}, no KPI of the design")
        return self

    @model_validator(mode="after")
    def _random_says_what_was_randomized(self) -> Self:
        if (self.assignment == "random") != (self.randomized_by is not None):
            raise ValueError("randomized_by goes with assignment random, and only with it")
        return self


DEFINITION_KINDS: dict[str, type[Definition]] = {
    "portfolio": Portfolio,
    "initiative": Initiative,
    "process": Process,
    "kpi": Kpi,
    "target": Target,
    "design": Design,
}
