"""Every Prometheus series of the baseline service; labels come from definitions, never events."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, time

from prometheus_client import Counter, Gauge, Histogram

from aivalue.baselines.renewal import Renewal
from aivalue.errors import NotFreezable
from services.baseline.queries.baselines import StoredBaseline

CHANGES = Counter(
    "aivalue_baseline_definition_changes_total",
    "Definition versions stored. action is create or change.",
    ["kind", "action"],
)
FREEZES = Counter(
    "aivalue_baseline_freezes_total",
    "Freezes asked for. outcome is created, unchanged or refused.",
    ["outcome"],
)
FREEZE_SECONDS = Histogram(
    "aivalue_baseline_freeze_duration_seconds",
    "Time to read and freeze a series.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
_BASELINE = ["tenant", "initiative", "kpi"]
FROZEN_AT = Gauge(
    "aivalue_baseline_frozen_timestamp_seconds",
    "When the newest baseline was frozen.",
    _BASELINE,
)
COVERAGE = Gauge("aivalue_baseline_coverage_ratio", "Unit-days measured over expected.", _BASELINE)
EXPIRES_AT = Gauge(
    "aivalue_baseline_expires_timestamp_seconds",
    "When the newest baseline stops to stand for before.",
    _BASELINE,
)
RENEWAL_DUE = Gauge(
    "aivalue_baseline_renewal_due",
    "1 where a new baseline should be cut: old, process redesigned, KPI changed; else 0.",
    _BASELINE,
)
DRIFT = Gauge(
    "aivalue_baseline_drift_ratio",
    "Level of today's events over the frozen level, less 1; 0 without late events.",
    _BASELINE,
)
DRIFT_ROWS = Gauge(
    "aivalue_baseline_drift_rows",
    "Rows added, removed or changed since the newest baseline was frozen.",
    _BASELINE,
)


@contextlib.contextmanager
def counting_refusals() -> Iterator[None]:
    """Count a freeze that is refused."""
    try:
        yield
    except NotFreezable:
        FREEZES.labels("refused").inc()
        raise


def show_frozen(tenant: str, baseline: StoredBaseline) -> None:
    """Export when a newest baseline was frozen and how much of it was measured."""
    labels = (tenant, baseline.initiative, baseline.kpi)
    FROZEN_AT.labels(*labels).set(baseline.frozen_at.timestamp())
    COVERAGE.labels(*labels).set(float(str(baseline.coverage["ratio"])))


def show_renewal(tenant: str, baseline: StoredBaseline, renewal: Renewal) -> None:
    """Export until when a newest baseline stands for "before"."""
    labels = (tenant, baseline.initiative, baseline.kpi)
    expires = datetime.combine(renewal.expires_on, time.min, tzinfo=UTC)
    EXPIRES_AT.labels(*labels).set(expires.timestamp())
    RENEWAL_DUE.labels(*labels).set(float(renewal.standing != "current"))
