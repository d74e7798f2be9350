"""Shares of what players bring together, from the value of every set of them.

Shapley: a player's mean contribution over all orders of arrival. Owen: the same, where players of a
programme arrive together. Both are linear in the values, so a value may be a vector: then shares
are vectors too, which is how uncertainty passes through.

Source: Shapley (1953), "A Value for n-Person Games"; Owen (1977), "Values of Games with a Priori
Unions".
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from math import factorial

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

PLAYERS_MAX = 15  # 2^15 values; beyond it programmes (Owen).

Coalition = frozenset[str]


def shapley_shares(players: Sequence[str], value: Callable[[Coalition], float]) -> dict[str, float]:
    """Return each player's share of value(all) - value(none).

    Raises
    ------
    NotEstimable
        More than 15 players, or one named twice.
    """
    shares = shapley(players, lambda chosen: np.array(value(chosen), dtype=np.float64))
    return {name: float(share) for name, share in shares.items()}


def owen_shares(
    programmes: Mapping[str, Sequence[str]], value: Callable[[Coalition], float]
) -> dict[str, float]:
    """Return shares when players of a programme arrive together.

    Programmes first share by Shapley; inside one, players share what it brings to every set of
    other programmes. One programme each, or one in all, gives Shapley's shares.
    """
    shares = owen(programmes, lambda chosen: np.array(value(chosen), dtype=np.float64))
    return {name: float(share) for name, share in shares.items()}


def shapley(players: Sequence[str], value: Callable[[Coalition], Floats]) -> dict[str, Floats]:
    """Return shares of values that may be vectors."""
    names = _require_countable(players)
    n = len(names)
    masks = np.arange(1 << n)
    values = np.stack(
        [value(frozenset(names[bit] for bit in range(n) if mask >> bit & 1)) for mask in masks]
    )
    before = np.bitwise_count(masks).astype(np.int64)
    weight = np.array([_order_weight(size, n) for size in range(n)])
    shares = {}
    for bit, name in enumerate(names):
        without = np.flatnonzero(masks & (1 << bit) == 0)
        gain = values[without | (1 << bit)] - values[without]
        shares[name] = np.asarray(weight[before[without]] @ gain)
    return shares


def owen(
    programmes: Mapping[str, Sequence[str]], value: Callable[[Coalition], Floats]
) -> dict[str, Floats]:
    """Return shares within programmes of values that may be vectors."""
    _require_countable([name for members in programmes.values() for name in members], limit=None)
    _require_countable(list(programmes))
    shares: dict[str, Floats] = {}
    for programme, members in sorted(programmes.items()):
        others = [other for other in sorted(programmes) if other != programme]
        parts: dict[str, list[Floats]] = {name: [] for name in members}
        for size in range(len(others) + 1):
            weight = _order_weight(size, len(programmes))
            for chosen in combinations(others, size):
                outside = frozenset(name for other in chosen for name in programmes[other])
                inside = shapley(members, partial(_joined, value, outside))
                for name, share in inside.items():
                    parts[name].append(weight * share)
        shares |= {name: np.sum(np.stack(part), axis=0) for name, part in parts.items()}
    return shares


def _joined(value: Callable[[Coalition], Floats], outside: Coalition, inside: Coalition) -> Floats:
    return value(inside | outside)


def _order_weight(before: int, n: int) -> float:
    return factorial(before) * factorial(n - before - 1) / factorial(n)


def _require_countable(players: Sequence[str], limit: int | None = PLAYERS_MAX) -> list[str]:
    names = sorted(set(players))
    if len(names) != len(players):
        raise NotEstimable("an initiative is named twice")
    if limit is not None and len(names) > limit:
        raise NotEstimable(
            f"{len(names)} initiatives or programmes at once, at most {limit}: group them"
        )
    return names
