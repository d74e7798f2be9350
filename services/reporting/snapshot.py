"""One reading of the services, complete or not at all: everything a report is built from.

What is shown is derived from it by pure functions, so a restart that loads it shows the same.
"""

from datetime import datetime
from hashlib import sha256

from pydantic import BaseModel, ConfigDict

from aivalue.kpis.definition import Initiative, Kpi, Portfolio, Target
from aivalue.reports.evidence import BaselineEvidence, Evidence
from aivalue.reports.value_report import CostReport, ValueReport

NO_RUN = "it has not been estimated yet"


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FrozenBaseline(BaselineEvidence):
    """The newest frozen baseline of one KPI."""

    kpi: str
    frozen_at: datetime


class Estimate(_Read):
    """The newest run of one initiative.

    Attributes
    ----------
    judged :
        By target: the effect over the months that the target is judged on.
    value_reason :
        Why there is no value; None where there is one.
    pending :
        Why the figures are about to change or cannot: inputs changed, a recompute failed.
    """

    run_id: str
    recorded_at: datetime
    effects: tuple[Evidence, ...]
    judged: dict[str, Evidence]
    value: ValueReport | None
    value_reason: str | None
    cost: CostReport | None
    pending: str | None

    def evidence(self, kpi: str) -> Evidence | None:
        """Return the effect on a KPI over all units together."""
        found = (each for each in self.effects if each.kpi == kpi and each.scope is None)
        return next(found, None)

    def scopes(self) -> tuple[Evidence, ...]:
        """Return the effects on parts (campaigns, segments) alone."""
        return tuple(each for each in self.effects if each.scope is not None)


class Reading(_Read):
    """One initiative: how it is defined, its baselines, its newest run if there is one."""

    initiative: Initiative
    kpis: tuple[Kpi, ...]
    targets: tuple[Target, ...]
    baselines: tuple[FrozenBaseline, ...]
    estimate: Estimate | None

    def baseline(self, kpi: str) -> FrozenBaseline | None:
        """Return the newest frozen baseline of a KPI."""
        found = [each for each in self.baselines if each.kpi == kpi]
        return max(found, key=lambda each: each.version, default=None)


class Figures(_Read):
    """What the services said, without when it was asked."""

    portfolios: tuple[Portfolio, ...]
    initiatives: tuple[Reading, ...]

    @property
    def digest(self) -> str:
        """Name the content: equal figures have equal names, whenever they were read."""
        return sha256(self.model_dump_json().encode()).hexdigest()


class Snapshot(_Read):
    """The figures of one tenant at one time."""

    tenant: str
    taken_at: datetime
    took_seconds: float
    figures: Figures
