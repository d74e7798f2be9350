"""Turns in lanes: one at a time in each, in the order they were asked for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Turns:
    """For tasks of one loop; a turn in several lanes is one in all of them at once."""

    def __init__(self) -> None:
        self._asked: list[tuple[frozenset[int], asyncio.Event]] = []

    @contextlib.asynccontextmanager
    async def taken(self, lanes: frozenset[int]) -> AsyncIterator[None]:
        """Wait for the turn, and have it."""
        # For all of them, not the last: that one may give up while those before it go on.
        before = [ended for others, ended in self._asked if others & lanes]
        own = (lanes, asyncio.Event())
        self._asked.append(own)
        try:
            for ended in before:
                await ended.wait()
            yield
        finally:
            self._asked.remove(own)
            own[1].set()
