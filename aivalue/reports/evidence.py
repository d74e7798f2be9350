"""What is known of one KPI: before, after, effect with interval and grade, or why there is none."""

from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from aivalue.effects.effect import Grade, Verdict
from aivalue.kpis.plan import BetterWhen
from aivalue.reports.value_report import Exact


class Received(BaseModel):
    """An answer of another service: immutable; columns it adds later are not read here."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class IntervalReport(Received):
    """A figure of a KPI with its uncertainty; a float, for it is an estimate and not money."""

    point: float
    low: float
    high: float
    confidence: float


class EvidenceMonth(Received):
    """Half-open window of business days within which one entry of the effect was estimated."""

    start: date
    end: date


class JointEvidence(Received):
    """What initiatives at work on the same units brought together, as attribution serves it.

    Attributes
    ----------
    inseparable :
        Those whose split is a convention: only the total is evidence.
    sha256 :
        Equal in the runs of two initiatives where their shares are of the same total.
    """

    initiatives: tuple[str, ...]
    total: IntervalReport | None
    inseparable: tuple[tuple[str, ...], ...]
    sha256: str


class Evidence(Received):
    """An effect as attribution serves it.

    A refused effect has no `average` and no `relative`; `refusal` says why. Null is not zero.
    """

    kpi: str
    scope: str | None = None
    unit: str
    better_when: BetterWhen
    verdict: Verdict
    grade: Grade | None
    grade_reasons: tuple[str, ...] = ()
    refusal: str | None = None
    average: IntervalReport | None
    relative: IntervalReport | None
    joint: JointEvidence | None = None
    observed: float | None
    without_ai: float | None
    months: tuple[EvidenceMonth, ...] = ()
    n_treated: int | None = None
    n_control: int | None = None
    design: str | None = None
    estimator: str | None = None
    estimator_version: str | None = None

    @model_validator(mode="after")
    def _refused_or_estimated(self) -> Self:
        if (self.average is None) != (self.refusal is not None):
            raise ValueError(f"{self.kpi} needs either an average effect or a refusal")
        return self

    def improvement(self, *, relative: bool) -> tuple[float, float, float] | None:
        """Return point, low and high, signed so that better is positive."""
        interval = self.relative if relative else self.average
        if interval is None:
            return None
        if self.better_when == "higher":
            return interval.point, interval.low, interval.high
        return -interval.point, -interval.high, -interval.low


class BaselineEvidence(Received):
    """A frozen baseline as the baseline service serves it."""

    baseline_id: str
    version: int
    start: date
    end: date
    level: Exact
    reconstructed: bool
    sha256: str
