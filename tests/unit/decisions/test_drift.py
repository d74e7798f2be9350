"""When a model was known to drift, and how much of a month that was."""

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.decisions.drift import DriftSpan, drift_spans, share_drifted


def test_drift_lasts_from_detection_until_a_new_version_goes_live() -> None:
    spans = drift_spans(
        [date(2025, 3, 10), date(2025, 3, 20), date(2025, 8, 1)],
        [date(2025, 1, 1), date(2025, 5, 1)],
    )

    assert spans == (
        DriftSpan(start=date(2025, 3, 10), end=date(2025, 5, 1)),
        DriftSpan(start=date(2025, 8, 1), end=None),
    )


def test_a_month_is_drifted_by_its_days() -> None:
    spans = drift_spans([date(2025, 4, 16)], [date(2025, 5, 11)])

    assert share_drifted(spans, date(2025, 4, 1), date(2025, 5, 1)) == pytest.approx(15 / 30)
    assert share_drifted(spans, date(2025, 5, 1), date(2025, 6, 1)) == pytest.approx(10 / 31)
    assert share_drifted(spans, date(2025, 6, 1), date(2025, 7, 1)) == 0


def test_a_version_live_on_the_day_of_a_detection_is_the_one_that_drifts() -> None:
    spans = drift_spans([date(2025, 4, 16)], [date(2025, 4, 16)])

    assert spans == (DriftSpan(start=date(2025, 4, 16), end=None),)


days = st.lists(st.dates(date(2024, 1, 1), date(2025, 12, 31)), max_size=20)


@given(days, days)
def test_spans_never_overlap_and_shares_are_shares(detected: list[date], live: list[date]) -> None:
    spans = drift_spans(detected, live)

    for earlier, later in pairwise(spans):
        assert earlier.end is not None
        assert earlier.end <= later.start
    assert 0 <= share_drifted(spans, date(2024, 6, 1), date(2025, 6, 1)) <= 1


def test_an_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="must start before it ends"):
        share_drifted((), date(2025, 1, 1), date(2025, 1, 1))
