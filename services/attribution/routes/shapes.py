"""An effect as clients see it; every figure keeps its interval, every refusal its reason."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from aivalue.effects.effect import Design, Grade, Scale, Verdict
from aivalue.kpis.plan import BetterWhen


class Shape(BaseModel):
    """Base of answers: what is not declared is not served."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class IntervalShape(Shape):
    """A figure with its two-sided interval."""

    point: float
    low: float
    high: float
    standard_error: float
    confidence: float


class MonthShape(IntervalShape):
    """The effect in the days [start, end); `observed` minus `point` is the level without AI."""

    start: date
    end: date
    volume: float
    observed: float


class CheckShape(Shape):
    """One way to doubt the effect, and what it found."""

    name: str
    status: str = Field(description="passed, failed or not_applicable")
    p_value: float | None
    detail: str


class AlternativeShape(Shape):
    """An estimator that was passed over."""

    estimator: str
    why_not: str


class BaselineShape(Shape):
    """The frozen baseline that was used."""

    baseline_id: str
    version: int
    kpi_version: int
    sha256: str
    start: date
    end: date
    reconstructed: bool


class HybridShape(Shape):
    """A randomized effect read early: both intervals lie around the average's point."""

    anytime: IntervalShape = Field(description="Right at all readings together: for dashboards.")
    planned_look: IntervalShape | None = Field(
        description="Right at this one of the design's looks (O'Brien-Fleming)."
    )
    ratio_test: IntervalShape | None = Field(
        default=None,
        description="Right at all readings together, too (mSPRT): where a size of effects was "
        "registered as expected.",
    )
    look: int | None = Field(description="Which of them was the last to be measured.")
    n_looks: int | None
    detectable: float = Field(description="Effect that the fixed reading finds in 80 % of cases.")
    tuned_to: int | None = Field(
        default=None, description="Subjects of both arms at which `anytime` is narrowest."
    )
    tuned_by: Literal["registration", "default"] | None = Field(
        default=None,
        description="Whether that was registered before the first day with AI; never from data.",
    )


class ShareShape(Shape):
    """What one of several initiatives is credited with."""

    initiative: str
    total: IntervalShape | None
    grade: Grade | None
    refusal: str | None


class JointShape(Shape):
    """What initiatives at work on the same units brought together; shares sum to the total."""

    initiatives: list[str]
    programmes: dict[str, list[str]] | None = Field(
        description="Those that share as one (Owen); null where no initiative names a programme."
    )
    total: IntervalShape | None = Field(description="Of all against none, level times volume.")
    average: IntervalShape | None
    shares: list[ShareShape]
    inseparable: list[list[str]] = Field(
        description="Sets whose split is a convention: only what they brought together is evidence."
    )
    sha256: str = Field(description="The same in the run of each: then their figures add up.")


class SegmentShape(Shape):
    """A segment's share of what levels within segments changed."""

    segment: str
    rate: float


class DecompositionShape(Shape):
    """Why the total of a mean week changed: rate, mix and volume, which sum to the whole."""

    before: float = Field(description="Total of a mean week without the AI (numerator).")
    after: float = Field(description="And with it; trend and season are still in both.")
    total: float = Field(description="The sum of the three parts.")
    rate: float = Field(description="Levels within segments changed.")
    mix: float = Field(description="Volume moved between segments.")
    volume: float = Field(description="There was more or less to do.")
    segments: list[SegmentShape]


class EffectShape(Shape):
    """What a run says about one KPI; a refused one has a reason and no figures."""

    kpi: str
    kpi_version: int
    scope: str | None = Field(description="The unit it speaks of; null is all units together.")
    unit: str
    better_when: BetterWhen
    verdict: Verdict
    grade: Grade | None
    grade_reasons: list[str]
    refusal: str | None
    confidence: float | None
    average: IntervalShape | None = Field(description="Per unit of volume, in the KPI's unit.")
    total: IntervalShape | None = Field(description="Level times volume, summed.")
    relative: IntervalShape | None = Field(
        description="Share of the level without AI; null where that level may be zero."
    )
    hybrid: HybridShape | None = Field(
        default=None, description="Readings that allow looking early; null if not randomized."
    )
    joint: JointShape | None = Field(
        default=None, description="Null where no other initiative is at work on its units."
    )
    decomposition: DecompositionShape | None = Field(
        default=None,
        description="Of one series whose measurements name segments: its effect holds their mix.",
    )
    observed: float | None
    without_ai: float | None
    months: list[MonthShape]
    n_treated: int | None
    n_control: int | None
    degrees_of_freedom: float | None = Field(description="null is the normal distribution.")
    design: Design | None
    scale: Scale | None
    estimator: str | None
    estimator_version: str | None
    why: str | None
    alternatives: list[AlternativeShape]
    baseline: BaselineShape | None
    parameters: dict[str, str]
    checks: list[CheckShape]
