"""HTTP surface of policies: what another way of deciding would have brought."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints

from aivalue.decisions.off_policy import Always, FromScore, Policy
from aivalue.decisions.policy_value import Method, PolicyValue
from aivalue.effects.effect import Grade
from aivalue.runtime.auth import Reader
from services.attribution.dependencies import Place
from services.attribution.figures import interval_document
from services.attribution.policies import Wanted, value_policy
from services.attribution.routes.shapes import IntervalShape, Shape

router = APIRouter(prefix="/v1/policies", tags=["policies"])
# No event holds a control character, and PostgreSQL refuses the first of them.
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class PolicyValueShape(Shape):
    """The mean outcome per decision under the policy, read in one way."""

    method: Method
    value: IntervalShape
    gain: IntervalShape = Field(description="Against what was decided.")
    effective_n: float = Field(
        description="Decisions by the policy itself that would tell as much."
    )
    mean_weight: float = Field(description="1 if the logged propensities are true.")
    largest_share: float = Field(description="Of all weight, on a single decision.")
    warnings: list[str] = Field(description="Why the log may not support the figure.")


class PolicyResponse(Shape):
    """What the policy would have brought, or why the log does not say."""

    model: str
    kpi: str
    n_decisions: int = Field(description="With a known outcome, in the version and days asked for.")
    logged: float | None = Field(description="Mean outcome of what was decided.")
    value: PolicyValueShape | None
    others: list[PolicyValueShape] = Field(
        description="By the other methods; far apart, and the log does not carry the answer."
    )
    grade: Grade | None = Field(description="C: weighted by logged propensities.")
    refusal: str | None
    verdict: str | None = Field(description="Of a refusal: below_sample_floor or unverifiable.")
    snapshot_id: str
    sha256: str = Field(description="Of the decisions it was read from.")


class PolicyQuestion(BaseModel):
    """A model's decisions, and another way to decide: always one action, or one from a score on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Name
    kpi: Name
    version: Name | None = None
    start: date | None = None
    end: date | None = None
    always: Name | None = Field(default=None, description="Take this action in every case.")
    threshold: FiniteFloat | None = Field(default=None, description="Score to act from.")
    at_least: Name | None = Field(default=None, description="Action from the threshold on.")
    below: Name | None = Field(default=None, description="Action below it.")
    method: Method = "self_normalized"
    confidence: float = Field(default=0.95, ge=0.5, le=0.999)

    def require_days(self) -> None:
        """Refuse a window without a day; ingest would, and be taken for away."""
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise HTTPException(422, f"start must be before end, got {self.start} and {self.end}")

    def policy(self) -> Policy:
        """Return the policy that is asked about."""
        match (self.always, self.threshold, self.at_least, self.below):
            case (str(action), None, None, None):
                return Always(action=action)
            case (None, float(threshold), str(at_least), str(below)):
                return FromScore(threshold=threshold, at_least=at_least, below=below)
        raise HTTPException(422, "a policy is either always, or threshold with at_least and below")


@router.get(
    "/value",
    responses={503: {"description": "Ingest does not answer, or there are too many decisions."}},
)
async def read_policy_value(
    principal: Reader, place: Place, question: Annotated[PolicyQuestion, Query()]
) -> PolicyResponse:
    """Value a policy from the decisions that a model logged with their propensities."""
    question.require_days()
    wanted = Wanted(
        model=question.model,
        kpi=question.kpi,
        version=question.version,
        start=question.start,
        end=question.end,
        policy=question.policy(),
        method=question.method,
        confidence=question.confidence,
    )
    found = await value_policy(place.peers.ingest, principal.tenant, wanted)
    reading = found.reading
    return PolicyResponse(
        model=question.model,
        kpi=question.kpi,
        n_decisions=found.n_decisions,
        logged=found.logged,
        value=None if reading is None else _shape(reading.value),
        others=[] if reading is None else [_shape(each) for each in reading.others],
        grade=None if reading is None else "C",
        refusal=found.refusal,
        verdict=found.verdict,
        snapshot_id=found.snapshot_id,
        sha256=found.sha256,
    )


def _shape(found: PolicyValue) -> PolicyValueShape:
    return PolicyValueShape(
        method=found.method,
        value=IntervalShape.model_validate(interval_document(found.value)),
        gain=IntervalShape.model_validate(interval_document(found.gain)),
        effective_n=found.effective_n,
        mean_weight=found.mean_weight,
        largest_share=found.largest_share,
        warnings=list(found.warnings),
    )
