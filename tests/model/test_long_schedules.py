"""Whether schedules of many steps lose or double an event: the deeper part of the model check."""

import pytest

from tests.model.machine import SinkMachine, check


class LongMachine(SinkMachine):
    """Counts its own schedules."""


@pytest.mark.timeout(14_400)
def test_no_long_schedule_loses_or_doubles_an_event() -> None:
    n_schedules = check(LongMachine, n_schedules=1_400, n_steps=24)

    assert n_schedules >= 1_500
