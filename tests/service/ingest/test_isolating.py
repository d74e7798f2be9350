"""Whether exactly the events that cannot be stored are found, and nothing else is blamed."""

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.storing.isolating import CULPRITS_MAX, culprits


@given(bad=st.sets(st.integers(0, 99), max_size=8), n_events=st.integers(1, 100))
async def test_the_bad_ones_are_found_and_no_other(bad: set[int], n_events: int) -> None:
    present = {seq for seq in bad if seq < n_events}

    async def attempt(without: frozenset[int]) -> bool:
        return present <= without

    assert await culprits(attempt, n_events=n_events) == frozenset(present)


async def test_a_batch_that_fails_without_events_is_not_their_fault() -> None:
    async def attempt(_: frozenset[int]) -> bool:
        return False

    assert await culprits(attempt, n_events=10) is None


async def test_too_many_are_not_picked_one_by_one() -> None:
    async def attempt(without: frozenset[int]) -> bool:
        return set(range(CULPRITS_MAX + 1)) <= without

    assert await culprits(attempt, n_events=100) is None
