"""The known name that a mistyped one most likely meant."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the closest known name, or None where nothing is close."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return found[0] if found else None
