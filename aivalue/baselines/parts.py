"""A baseline's measurements unit by unit: the leaves of its Merkle tree.

With the root, and the few digests beside the way to it, one unit's measurements can be shown to be
part of what was frozen without showing any other's.
"""

import itertools
from collections.abc import Mapping, Sequence

from aivalue.kpis.canonical import Json, canonical_bytes
from aivalue.kpis.merkle import leaf_of, root_of


def part_of(columns: Mapping[str, Sequence[Json]], rows: slice) -> dict[str, Json]:
    """Cut the rows of one unit out of the columns, without the unit's name in every row."""
    cut: dict[str, Json] = {name: list(cells[rows]) for name, cells in columns.items()}
    del cut["unit"]
    return {"unit": columns["unit"][rows.start], "columns": cut}


def rows_by_unit(units: Sequence[Json]) -> dict[str, slice]:
    """Return where each unit's rows stand in columns that are sorted by unit."""
    spans: dict[str, slice] = {}
    start = 0
    for unit, rows in itertools.groupby(units):
        end = start + sum(1 for _ in rows)
        spans[str(unit)] = slice(start, end)
        start = end
    return spans


def leaves_of(columns: Mapping[str, Sequence[Json]]) -> dict[str, bytes]:
    """Hash each unit's canonical bytes."""
    return {
        unit: leaf_of(canonical_bytes(part_of(columns, rows)))
        for unit, rows in rows_by_unit(columns["unit"]).items()
    }


def merkle_root_of(columns: Mapping[str, Sequence[Json]]) -> str:
    """Hash all units up to one digest."""
    return root_of(list(leaves_of(columns).values()))
