"""Whether a producer gone wrong is stopped, and single bad events are not."""

from services.ingest.reading.breaker import Breaker


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
