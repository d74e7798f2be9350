"""Whether every event is in the right bucket, whichever way it was counted."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from services.ingest.lateness import BUCKETS, LATE_SECONDS, is_late, observe_ages

RECEIVED = datetime(2026, 3, 1, tzinfo=UTC)
# Whole seconds on and around the bounds; a negative age is a clock that is ahead of ours.
_AGES = st.sampled_from([*BUCKETS, *(bound + 1 for bound in BUCKETS), -200, 0]) | st.integers(
    -300, 10**9
)


def _histogram() -> Histogram:
    return Histogram("age", "Age.", buckets=BUCKETS, registry=CollectorRegistry())


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    (family,) = histogram.collect()
    return [(each.labels["le"], each.value) for each in family.samples if "le" in each.labels]


@given(st.lists(_AGES, min_size=1, max_size=20))
def test_a_batch_is_counted_as_its_events_one_by_one(ages: list[int]) -> None:
    together, single = _histogram(), _histogram()
    received = int(RECEIVED.timestamp())
    times = [(received - age) * 1_000_000 for age in ages]

    n_late = observe_ages(together, times, RECEIVED)
    for age in ages:
        single.observe(max(age, 0))

    assert _buckets(together) == _buckets(single)
    assert n_late == sum(age > LATE_SECONDS for age in ages)
    assert n_late == sum(is_late(time, RECEIVED) for time in times)
