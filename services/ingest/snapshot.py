"""A snapshot: the vector of log positions that a figure was computed from, and its digest."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

_encoder = msgspec.json.Encoder(order="sorted")


def snapshot(positions: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """Identify a vector of positions: equal vectors have equal ids."""
    vector = [
        {name: each[name] for name in ("topic", "incarnation", "partition", "next_offset")}
        for each in positions
    ]
    return {"id": hashlib.sha256(_encoder.encode(vector)).hexdigest(), "positions": vector}
