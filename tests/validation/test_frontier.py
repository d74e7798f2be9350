"""Whether the bound on width is one, and thresholds publish the reading that they say."""

import numpy as np
import pytest

from tests.validation.frontier import COVERED, Draw, averaged, daily, drawn, least_widths, weekly
from tests.validation.thresholds import SETTINGS, THRESHOLDS, read, shown

DRAWS = 200
CLOSE = 0.15  # What 200 draws leave open: a coverage of 93 % by 1.8 points, each worth 0.07.


@pytest.mark.parametrize("draw", [daily, weekly])
def test_no_average_over_the_two_models_is_narrower_than_the_bound(draw: Draw) -> None:
    without, walk = (
        drawn(draw, kind, DRAWS, np.random.default_rng(1)) for kind in ("0.0", "wandering")
    )

    widths = least_widths(without, walk)

    assert widths == sorted(widths)
    for weight in (0.3, 1.0, 10.0):
        width, covered = averaged(without, weight)[0], averaged(walk, weight)[1]
        assert width > np.interp(covered, COVERED, widths) - CLOSE


def test_the_later_the_wider_reading_is_taken_the_narrower_intervals_are() -> None:
    draw = next(draw for name, draw, _ in SETTINGS if name == "no memory, weekly")

    readings = read(draw, 12, 1)

    half = readings[1].mean(axis=0)
    assert (np.diff(half) >= 0).all()
    assert half[-1] > half[0]
    assert len(shown("width", readings)) == len(THRESHOLDS)
    assert shown("covered", readings)[-1] == "100.0"
