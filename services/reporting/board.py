"""What is shown now, tenant by tenant: the last complete snapshot and whether it is current."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from aivalue.reports.summary import PortfolioSummary
from services.reporting.snapshot import Snapshot
from services.reporting.summaries import portfolio_summaries

LOADED = "the services have not been read since the start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A tenant's figures.

    Attributes
    ----------
    snapshot, portfolios, digest :
        The last complete reading and what was derived from it; None before there is one.
    stale_reason :
        Why the last reading failed; None where it is the one shown.
    """

    snapshot: Snapshot | None = None
    portfolios: tuple[PortfolioSummary, ...] = ()
    digest: str = ""
    stale_reason: str | None = LOADED

    def age_seconds(self, now: datetime) -> float:
        """Return how long ago the services were read; infinite without a snapshot."""
        if self.snapshot is None:
            return float("inf")
        return max(0.0, (now - self.snapshot.taken_at).total_seconds())


@dataclass(slots=True)
class Board:
    """The figures of all tenants; the refresher writes, routes read.

    A tenant's entry is replaced as a whole, so a reader never sees half of a change.
    """

    _shown: dict[str, Shown] = field(default_factory=dict)

    def __getitem__(self, tenant: str) -> Shown:
        """Return a tenant's figures; one that was never read shows nothing and says so."""
        return self._shown.get(tenant, Shown())

    def all(self) -> Mapping[str, Shown]:
        """Return the figures of every tenant."""
        return dict(self._shown)

    def show(self, snapshot: Snapshot, *, stale_reason: str | None = None) -> None:
        """Replace a tenant's figures."""
        self._shown[snapshot.tenant] = Shown(
            snapshot=snapshot,
            portfolios=portfolio_summaries(snapshot),
            digest=snapshot.figures.digest,
            stale_reason=stale_reason,
        )

    def flag(self, tenant: str, reason: str) -> None:
        """Keep the figures and say why they are not current."""
        self._shown[tenant] = replace(self[tenant], stale_reason=reason)
