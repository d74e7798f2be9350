"""Where the command writes: results to stdout, progress and complaints to stderr."""

import sys
from typing import NoReturn

from rich.console import Console

# A pipe has no width, and a table must not be cut up because nobody watches.
PIPE_WIDTH = 165
# A source such as urn:cloud:billing is no emoji.
results = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
notes = Console(stderr=True, highlight=False, emoji=False)

FAILED = 1
WRONG_CALL = 2
# What shells say of a program that Ctrl-C ended.
INTERRUPTED = 130


def say(message: str) -> None:
    """Tell what is being done."""
    notes.print(f"[dim]·[/dim] {message}", soft_wrap=True)


def fail(message: str, *, status: int = FAILED) -> NoReturn:
    """Say what went wrong and end with status 1, or 2 where the call was wrong."""
    notes.print(message, style="red", markup=False, soft_wrap=True)
    sys.exit(status)
