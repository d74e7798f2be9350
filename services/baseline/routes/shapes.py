"""How answers carry a baseline: levels as decimal strings, measurements columnar."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.baselines.renewal import Renewal
from aivalue.kpis.series import plain
from aivalue.runtime.clock import utc_now
from services.baseline.queries.baselines import StoredBaseline
from services.baseline.renewing import renewals


class CoverageResponse(BaseModel):
    """Unit-days that should have been measured, and that were; shares are decimal strings."""

    expected_unit_days: int
    observed_unit_days: int
    ratio: str
    units: dict[str, str]


class ExclusionResponse(BaseModel):
    """Days taken out, for some units or for all, and why."""

    start: date
    end: date
    units: list[str] | None
    reason: str


class RenewalResponse(BaseModel):
    """Whether a new baseline should be cut (due) or must be (expired), and why."""

    standing: Literal["current", "due", "expired"]
    due_on: date
    expires_on: date
    reasons: list[str]


class BaselineResponse(BaseModel):
    """A frozen baseline; `superseded` says that a later version exists."""

    baseline_id: str
    initiative: str
    kpi: str
    kpi_version: int
    version: int
    status: Literal["draft", "frozen"]
    superseded: bool
    start: date
    end: date
    renewal: RenewalResponse
    units: list[str]
    exclusions: list[ExclusionResponse]
    coverage: CoverageResponse
    reconstructed: bool
    reason: str
    sha256: str
    snapshot: dict[str, Any]
    frozen_at: datetime
    frozen_by: str
    drafted_by: str | None
    reviewed_by: str | None
    level: str
    levels: dict[str, str]
    n: int
    merkle_root: str | None


class UnitsProfileResponse(BaseModel):
    """Level and change per year with their standard errors: decimal strings in the KPI's unit."""

    units: list[str]
    level: list[str | None]
    level_error: list[str | None]
    trend: list[str | None]
    trend_error: list[str | None]
    n_weeks: list[int]


class TogetherResponse(BaseModel):
    """The same for all units together."""

    level: str | None
    level_error: str | None
    trend: str | None
    trend_error: str | None
    n_weeks: int


class SeasonResponse(BaseModel):
    """How a weekday or month differs from all days, with its standard error."""

    difference: str
    error: str | None


class ProfileResponse(UnitsProfileResponse):
    """What follows from the measurements; weekdays and months by ISO number."""

    together: TogetherResponse
    weekdays: dict[str, SeasonResponse]
    months: dict[str, SeasonResponse]


class BaselineWithSeries(BaselineResponse):
    """A frozen baseline with its measurements, columnar; the first format has no profile."""

    profile: ProfileResponse | None
    series: dict[str, list[Any]]


class BaselinesResponse(BaseModel):
    """A page of baselines by initiative and KPI, the newest version first."""

    baselines: list[BaselineResponse]
    next_cursor: str | None


async def answers(
    connection: AsyncConnection, tenant: str, found: Sequence[tuple[StoredBaseline, bool]]
) -> list[BaselineResponse]:
    """Shape baselines, each with whether a later version supersedes it."""
    standing = await renewals(
        connection, tenant, [each for each, _ in found], today=utc_now().date()
    )
    return [
        _baseline(each, superseded=later, renewal=renewal)
        for (each, later), renewal in zip(found, standing, strict=True)
    ]


def _baseline(stored: StoredBaseline, *, superseded: bool, renewal: Renewal) -> BaselineResponse:
    return BaselineResponse.model_validate(
        {
            "baseline_id": stored.baseline_id,
            "initiative": stored.initiative,
            "kpi": stored.kpi,
            "kpi_version": stored.kpi_version,
            "version": stored.version,
            "status": "frozen",
            "superseded": superseded,
            "start": stored.start_day,
            "end": stored.end_day,
            "renewal": renewal,
            "units": stored.units,
            "exclusions": stored.exclusions,
            "coverage": stored.coverage,
            "reconstructed": stored.reconstructed,
            "reason": stored.reason,
            "sha256": stored.sha256,
            "snapshot": stored.snapshot,
            "frozen_at": stored.frozen_at,
            "frozen_by": stored.frozen_by,
            "drafted_by": stored.drafted_by,
            "reviewed_by": stored.reviewed_by,
            "level": plain(stored.level),
            "levels": stored.levels,
            "n": stored.n,
            "merkle_root": stored.merkle_root,
        },
        from_attributes=True,
    )
