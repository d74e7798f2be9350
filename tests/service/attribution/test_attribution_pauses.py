"""How long a failed recompute waits before the next attempt."""

import pytest

from services.attribution.settings import AttributionGroup
from services.attribution.worker import pause_seconds

SETTINGS = AttributionGroup(backoff_seconds=1, backoff_seconds_max=300)


@pytest.mark.parametrize(
    ("failures_before", "pause"), [(0, 1), (1, 2), (2, 4), (8, 256), (9, 300), (10_000, 300)]
)
def test_pauses_double_up_to_a_limit(failures_before: int, pause: float) -> None:
    assert pause_seconds(failures_before, SETTINGS) == pause
