"""An event loop without a selector: nothing but tasks of one thread, so nothing to wait for."""

import asyncio
from typing import Any


class _Nothing:
    """A selector that has nothing to tell."""

    def select(self, timeout: float | None) -> list[Any]:
        """Return at once: whoever would wait for the outside would wait for ever."""
        assert timeout == 0, "a model waits for a timer"
        return []


class QuietLoop(asyncio.BaseEventLoop):
    """Runs what is ready; half the price of asyncio's own, which asks the kernel every time."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Nothing()

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is no other thread to be woken by."""

    def run_ready(self) -> None:
        """Let every task go on until all of them wait."""
        # asyncio has no public way to ask whether anything is left to do.
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            while self._ready:  # type: ignore[attr-defined]
                self._run_once()  # type: ignore[attr-defined]
        finally:
            asyncio._set_running_loop(before)
