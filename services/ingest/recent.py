"""Identities stored lately: most repetitions are recognised without asking PostgreSQL.

Only a filter. Every identity in here was committed, and an identity is never given up once it is,
so what is found is certain; what is not found is decided by the primary key of `event_keys`.
"""

from collections.abc import Iterable

Identity = tuple[str, int, str]
"""Tenant, source id and event id."""

GENERATION = 50_000


class RecentIdentities:
    """Remembers between one and two generations of identities, each with its fingerprint."""

    def __init__(self, size: int = GENERATION) -> None:
        self._size = size
        self._young: dict[Identity, bytes] = {}
        self._old: dict[Identity, bytes] = {}

    def fingerprint(self, identity: Identity) -> bytes | None:
        """Return what was stored under an identity, None where that is not known here."""
        found = self._young.get(identity)
        return self._old.get(identity) if found is None else found

    def remember(self, stored: Iterable[tuple[Identity, bytes]]) -> None:
        """Keep identities that are committed."""
        self._young.update(stored)
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
