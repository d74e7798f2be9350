"""What is ready to be sent: events in their order, each knowing the line it came from."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from aivalue.cli.events.kpi_check import Form
from aivalue.errors import AivalueError

COMPLAINTS_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event in JSON format; `number` is its line, or row, in the file of its author."""

    number: int
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Events that can be read as often as needed.

    Attributes
    ----------
    name :
        What the author calls it: a file, as it was typed.
    digest :
        SHA-256 of all lines: equal digests are equal events in equal order.
    n_repeated :
        How many lines say what an earlier one with their id says, and so count once.
    forms :
        KPIs that are measured, each with how: by value, or by numerator and denominator.
    """

    name: str
    n_events: int
    digest: str
    lines: Callable[[], Iterator[Line]]
    n_repeated: int = 0
    forms: frozenset[tuple[str, Form]] = frozenset()


class Readable(Protocol):
    """A hash, as `Prepared.digest` is built."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""

    def hexdigest(self) -> str:
        """Return the digest of all bytes so far."""


def new_digest() -> Readable:
    """Start a digest over lines."""
    return hashlib.sha256()


class UnreadableEvents(AivalueError):
    """Lines are not events; nothing was sent.

    Attributes
    ----------
    shown :
        The first of what is wrong, each with file, line and column.
    n_problems, n_lines :
        How much is wrong, in how many lines.
    """

    def __init__(self, *, shown: tuple[str, ...], n_problems: int, n_lines: int) -> None:
        super().__init__(f"{n_problems} problem(s) in {n_lines} line(s); nothing was sent")
        self.shown = shown
        self.n_problems = n_problems
        self.n_lines = n_lines


class Complaints:
    """Collects everything that is wrong, and keeps the first twenty in words."""

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._n_problems = 0

    def add(self, where: str, message: str) -> None:
        """Note what is wrong at a place."""
        self._n_problems += 1
        if len(self._shown) < COMPLAINTS_SHOWN:
            self._shown.append(f"{where}: {message}")

    def raise_any(self, *, n_lines: int) -> None:
        """Refuse where there were any.

        Raises
        ------
        UnreadableEvents
            With the first of them and their number.
        """
        if self._n_problems:
            raise UnreadableEvents(
                shown=tuple(self._shown), n_problems=self._n_problems, n_lines=n_lines
            )
