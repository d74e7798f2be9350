"""The business metrics of a scrape, made anew from the cached snapshots.

Nothing is set beforehand, so a series whose initiative is gone goes too. No sample carries a
timestamp: Prometheus would drop those that are older than its head.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.reporting.board import Shown
from services.reporting.catalogue import business_families
from services.reporting.samples import Sample, initiative_samples

LIMIT = "cardinality_limit"
Rows = list[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # registries key by identity
class BusinessCollector(Collector):
    """Collects what the board shows of some tenants.

    Parameters
    ----------
    series_max :
        Per tenant. An initiative that does not fit any more is withheld whole, and its series are
        counted: half a band would mislead.
    """

    shown: Mapping[str, Shown]
    series_max: int

    def describe(self) -> list[GaugeMetricFamily]:
        """Name nothing: otherwise registering would collect."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every family of the catalogue, also those without a sample."""
        rows: dict[str, Rows] = defaultdict(list)
        currencies: set[str] = set()
        for tenant, shown in self.shown.items():
            currencies |= currencies_of(shown)
            for sample in tenant_samples(tenant, shown, series_max=self.series_max):
                rows[sample.name].append((sample.labels, sample.value))
        for family in business_families(currencies):
            metric = GaugeMetricFamily(
                family.name, family.help, labels=family.labels, unit=family.unit
            )
            for labels, value in rows.pop(family.name, ()):
                metric.add_metric(labels, value)
            yield metric
        if rows:
            raise LookupError(f"not in the catalogue: {sorted(rows)}")


def currencies_of(shown: Shown) -> set[str]:
    """Return the currencies that a tenant's figures are in."""
    found = {portfolio.currency for portfolio in shown.portfolios}
    for portfolio in shown.portfolios:
        for each in portfolio.initiatives:
            found |= {part.currency for part in (each.value, each.cost) if part is not None}
    return found


def tenant_samples(tenant: str, shown: Shown, *, series_max: int) -> Iterator[Sample]:
    """Yield a tenant's series, initiative by initiative as long as there is room."""
    if shown.snapshot is None:
        return
    readings = {each.initiative.key: each for each in shown.snapshot.figures.initiatives}
    room, suppressed = series_max, 0
    for portfolio in shown.portfolios:
        for summary in portfolio.initiatives:
            samples = initiative_samples(
                tenant,
                readings[summary.initiative],
                summary,
                currency=portfolio.currency,
                portfolio=portfolio.name,
            )
            if len(samples) > room:
                suppressed += len(samples)
                continue
            room -= len(samples)
            yield from samples
    own = (tenant,)
    taken_at = shown.snapshot.taken_at.timestamp()
    yield Sample("aivalue_reporting_snapshot_timestamp_seconds", own, taken_at)
    took = shown.snapshot.took_seconds
    yield Sample("aivalue_reporting_collect_duration_seconds", own, took)
    yield Sample("aivalue_reporting_collect_success", own, shown.stale_reason is None)
    yield Sample("aivalue_reporting_series_suppressed", (*own, LIMIT), suppressed)
