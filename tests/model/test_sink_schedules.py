"""Whether any schedule of crashes, zombies, rebalances and lost replies loses or doubles an event.

Hypothesis writes the schedules; what runs is the service's own loop (tests/model/world.py says
what is not). Two tests of different depth, 10,000 schedules together with test_long_schedules.py.
"""

import pytest

from tests.model.machine import SinkMachine, check


@pytest.mark.timeout(14_400)
def test_no_short_schedule_loses_or_doubles_an_event() -> None:
    n_schedules = check(SinkMachine, n_schedules=7_000, n_steps=6)

    assert n_schedules >= 8_500
