"""A hash chain: every entry seals all before it, so that none can be edited, taken out or moved.

Whoever rewrites an entry must rewrite every later one, and then the last hash is another than the
one that was announced: keep announced hashes where the database's owner cannot write.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from aivalue.kpis.canonical import canonical_bytes

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One entry: what was recorded, and the hash over it and all before it.

    Attributes
    ----------
    position :
        1 for the first entry of a tenant, without gaps.
    kind, subject :
        What was recorded: "baseline" and its id, "kpi" and "downtime v2".
    digest :
        Of the recorded row.
    """

    position: int
    kind: str
    subject: str
    digest: str
    recorded_at: datetime
    previous_hash: str
    hash: str


def linked(
    previous: Link | None, *, kind: str, subject: str, digest: str, recorded_at: datetime
) -> Link:
    """Append an entry to a chain."""
    position = 1 if previous is None else previous.position + 1
    previous_hash = GENESIS if previous is None else previous.hash
    return Link(
        position=position,
        kind=kind,
        subject=subject,
        digest=digest,
        recorded_at=recorded_at,
        previous_hash=previous_hash,
        hash=_hash(position, kind, subject, digest, recorded_at, previous_hash),
    )


def chain_faults(links: Iterable[Link]) -> list[tuple[int, str]]:
    """Return (position, what does not fit) for every entry that is not what was appended."""
    faults, position, previous_hash = [], 0, GENESIS
    for each in links:
        position += 1
        if each.position != position:
            faults.append((position, f"is missing: the next entry has position {each.position}"))
            position = each.position
        elif each.previous_hash != previous_hash:
            faults.append((position, "does not continue the entry before it"))
        derived = _hash(
            each.position, each.kind, each.subject, each.digest, each.recorded_at,
            each.previous_hash,
        )  # fmt: skip
        if derived != each.hash:
            faults.append((position, "does not hash to its recorded hash"))
        previous_hash = each.hash
    return faults


def _hash(
    position: int,
    kind: str,
    subject: str,
    digest: str,
    recorded_at: datetime,
    previous_hash: str,
) -> str:
    entry = canonical_bytes(
        {
            "position": position,
            "kind": kind,
            "subject": subject,
            "digest": digest,
            "recorded_at": recorded_at.astimezone(UTC).isoformat(timespec="microseconds"),
            "previous_hash": previous_hash,
        }
    )
    return hashlib.sha256(entry).hexdigest()
