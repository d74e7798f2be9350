"""Identities stored lately: most repetitions are recognised without asking PostgreSQL.

Only a filter. Every identity in here was committed, and an identity is never given up once it is,
so what is found is certain; what is not found is decided by the primary key of `event_keys`.
"""

from collections.abc import Iterable

Source = tuple[str, int]
"""Tenant and source id; an event id is one of its source."""

GENERATION = 50_000


class RecentIdentities:
    """Remembers between one and two generations of identities, each with its fingerprint."""

    def __init__(self, size: int = GENERATION) -> None:
        self._size = size
        # Texts by themselves: a tuple an identity would have to be made, hashed and collected.
        self._young: dict[Source, dict[str, bytes]] = {}
        self._old: dict[Source, dict[str, bytes]] = {}

    def known_among(self, source: Source, event_ids: Iterable[str]) -> dict[str, bytes]:
        """Return the ids that were stored lately, each with what was stored under it."""
        known: dict[str, bytes] = {}
        for generation in (self._old, self._young):
            stored = generation.get(source)
            if stored is not None:
                # Sets meet without a step of Python an id.
                known |= {each: stored[each] for each in stored.keys() & event_ids}
        return known

    def remember(self, source: Source, stored: Iterable[tuple[str, bytes]]) -> None:
        """Keep identities that are committed."""
        self._young.setdefault(source, {}).update(stored)
        if sum(map(len, self._young.values())) >= self._size:
            self._old, self._young = self._young, {}
