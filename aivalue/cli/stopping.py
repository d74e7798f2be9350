"""How a command that runs programs is told to stop."""

import signal
from typing import NoReturn


def interrupt_on_sigterm() -> None:
    """Stop on SIGTERM as on Ctrl-C, so that a supervisor ends us cleanly."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
