"""Whether the change of a total splits into rate, mix and volume without remainder."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.effects.segments.decomposition import decompose
from aivalue.errors import NotEstimable

segments = st.lists(
    st.tuples(*[st.integers(0, 1000)] * 4).filter(lambda parts: parts[1] + parts[3] > 0),
    min_size=1,
    max_size=6,
)


@given(segments)
def test_parts_add_up_to_the_change(parts: list[tuple[int, int, int, int]]) -> None:
    total_before, volume_before, total_after, volume_after = np.array(parts, float).T
    total_before = np.where(volume_before > 0, total_before, 0.0)
    total_after = np.where(volume_after > 0, total_after, 0.0)
    if not (volume_before.sum() > 0 and volume_after.sum() > 0):
        with pytest.raises(NotEstimable):
            decompose(total_before, volume_before, total_after, volume_after)
        return

    found = decompose(total_before, volume_before, total_after, volume_after)

    assert found.total == pytest.approx(total_after.sum() - total_before.sum(), abs=1e-6)


def test_easy_calls_that_leave_are_mix_not_slower_work() -> None:
    # 100 easy calls of 2 minutes and 100 hard ones of 10; the bot takes 80 easy ones.
    found = decompose(
        np.array([200.0, 1000.0]),
        np.array([100.0, 100.0]),
        np.array([40.0, 1000.0]),
        np.array([20.0, 100.0]),
    )

    # Minutes per call rise from 6 to 8.67, yet nobody works slower.
    assert found.rate == 0.0
    assert found.mix > 0
    assert found.volume < 0
    assert found.total == pytest.approx(-160)


def test_faster_work_alone_is_rate() -> None:
    found = decompose(np.array([200.0]), np.array([100.0]), np.array([150.0]), np.array([100.0]))

    assert (found.rate, found.mix, found.volume) == (-50.0, 0.0, 0.0)
