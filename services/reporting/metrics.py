"""Every Prometheus series of the process itself; the figures are in `catalogue`."""

from prometheus_client import Counter, Histogram

REFRESHES = Counter(
    "aivalue_reporting_refreshes_total",
    "Readings of the services. outcome is complete or failed.",
    ["outcome"],
)
REFRESH_DURATION = Histogram(
    "aivalue_reporting_refresh_duration_seconds",
    "Time to read everything about a tenant.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
