"""Whether a producer gone wrong is stopped, and single bad events are not."""

from services.ingest.reading.breaker import Breaker
from services.ingest.storing.keys import Stored


def test_a_few_bad_events_pass() -> None:
    breaker = Breaker(share_max=0.5)

    assert not any(breaker.trips(n_records=100, n_refused=50) for _ in range(50))


def test_most_of_a_few_hundred_is_too_many() -> None:
    breaker = Breaker(share_max=0.5)

    assert not breaker.trips(n_records=199, n_refused=199)
    assert breaker.trips(n_records=1, n_refused=0)
    assert not breaker.trips(n_records=200, n_refused=0)


def test_a_share_of_one_never_stops() -> None:
    assert not Breaker(share_max=1).trips(n_records=1_000, n_refused=1_000)


def test_what_postgresql_refuses_counts_with_the_next_batch() -> None:
    breaker = Breaker(share_max=0.5)
    refused = Stored(refused=dict.fromkeys(range(40), "refused_by_database") | {99: "id_conflict"})

    for _ in range(4):
        assert not breaker.trips(n_records=45, n_refused=0)
        breaker.watch(refused)

    assert breaker.trips(n_records=45, n_refused=0)
