"""New schedules until time is up: `python -m tests.model.soak SECONDS` prints how many it ran."""

import sys
import time

import structlog

from tests.model.machine import SinkMachine, check

# Two depths by turns, as in CI: many short schedules, fewer long ones.
_TURNS = ((400, 6), (80, 24))


def main() -> None:
    """Run them; one that loses or doubles an event ends the program with its traceback."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    until = time.monotonic() + float(sys.argv[1])
    n_schedules = 0
    while time.monotonic() < until:
        for number, n_steps in _TURNS:
            n_schedules += check(SinkMachine, n_schedules=number, n_steps=n_steps, drawn_anew=True)
    sys.stdout.write(f"{n_schedules}\n")


if __name__ == "__main__":
    main()
