"""Merkle trees: one digest for many parts, and a short proof that a part is one of them.

Leaves and nodes are hashed apart, so that no node can be passed off as a leaf. An odd part out
stands for itself one level up.

Source: Laurie, Langley & Kasper (2013), "Certificate Transparency", RFC 6962, section 2.1.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

_LEAF, _NODE = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """The digest beside the way from a leaf up to the root, and the side on which it stands."""

    digest: str
    is_left: bool


def leaf_of(part: bytes) -> bytes:
    """Hash one part."""
    return hashlib.sha256(_LEAF + part).digest()


def root_of(leaves: Sequence[bytes]) -> str:
    """Hash the leaves up to one digest; that of nothing where there is no leaf."""
    if not leaves:
        return hashlib.sha256(b"").hexdigest()
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0].hex()


def proof_of(leaves: Sequence[bytes], position: int) -> tuple[Sibling, ...]:
    """Return the siblings on the way from one leaf to the root, from below."""
    siblings = []
    level = list(leaves)
    while len(level) > 1:
        beside = position ^ 1
        if beside < len(level):
            siblings.append(Sibling(digest=level[beside].hex(), is_left=beside < position))
        level, position = _above(level), position // 2
    return tuple(siblings)


def root_from(leaf: bytes, proof: Sequence[Sibling]) -> str:
    """Follow a proof; the part is one of the tree's where this is the tree's root."""
    digest = leaf
    for each in proof:
        beside = bytes.fromhex(each.digest)
        digest = _node(beside, digest) if each.is_left else _node(digest, beside)
    return digest.hex()


def _above(level: Sequence[bytes]) -> list[bytes]:
    pairs = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    return pairs + list(level[len(pairs) * 2 :])


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
