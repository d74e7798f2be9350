"""Identities stored lately: most repetitions are recognised without asking PostgreSQL.

Only a filter. Every identity in here was committed, and an identity is never given up once it is,
so what is found is certain; what is not found is decided by the primary key of `event_keys`.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

Identity = tuple[str, int, str]
"""Tenant, source id and event id."""

GENERATION = 50_000


class RecentIdentities:
    """Remembers between one and two generations of identities, each with its fingerprint."""

    def __init__(self, size: int = GENERATION) -> None:
        self._size = size
        self._young: dict[Identity, bytes] = {}
        self._old: dict[Identity, bytes] = {}

    def known_among(self, identities: AbstractSet[Identity]) -> dict[Identity, bytes]:
        """Return those that were stored lately, each with what was stored under it."""
        old, young = self._old, self._young
        # Sets meet without a step of Python an identity.
        known = {each: old[each] for each in old.keys() & identities}
        return known | {each: young[each] for each in young.keys() & identities}

    def remember(self, stored: Iterable[tuple[Identity, bytes]]) -> None:
        """Keep identities that are committed."""
        self._young.update(stored)
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
