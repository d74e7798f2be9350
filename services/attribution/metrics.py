"""Every Prometheus series of the attribution service; labels are bounded by our own code."""

from prometheus_client import Counter, Gauge, Histogram

RUNS = Counter(
    "aivalue_attribution_runs_total",
    "Estimates by estimator and outcome: a verdict, unchanged (same inputs as before) or failed.",
    ["estimator", "outcome"],
)
RUN_DURATION = Histogram(
    "aivalue_attribution_run_duration_seconds",
    "From the first read of the inputs to the commit.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
)
DIAGNOSTICS_FAILED = Counter(
    "aivalue_attribution_diagnostics_failed_total",
    "Checks that an estimate failed.",
    ["estimator", "check"],
)
STALE = Gauge(
    "aivalue_attribution_stale_initiatives",
    "Initiatives that wait to be recomputed.",
)
CHANGES = Counter(
    "aivalue_attribution_changes_total",
    "Events of other services by what became of them: marked, ignored or unreadable.",
    ["outcome"],
)
NO_ESTIMATOR = "none"
