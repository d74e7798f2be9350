"""Several initiatives on one KPI: shares of their joint value that add up to the cent.

Adding stand-alone effects counts what they do together twice. The joint counterfactual gives a
value v(S) for every set S of initiatives; each one's Shapley share is its mean contribution over
all orders of arrival. Shares are whole cents and sum to v(all) exactly.

Source: Shapley (1953), "A Value for n-Person Games"; Owen (1977), "Values of Games with a Priori
Unions", for initiatives that belong to programmes; Littlechild & Owen (1973) for the check.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from math import factorial

from aivalue.errors import NotEstimable

INITIATIVES_MAX = 15  # 2^15 joint values; beyond it use programmes (Owen).
Value = Callable[[frozenset[str]], float]


def shapley_shares(initiatives: Sequence[str], value: Value) -> dict[str, float]:
    """Return each initiative's share of value(all) - value(none).

    Parameters
    ----------
    value
        Joint value with exactly these initiatives at work.

    Raises
    ------
    NotEstimable
        More than 15 initiatives.
    """
    names = _require_countable(initiatives)
    known = {
        frozenset(chosen): value(frozenset(chosen))
        for size in range(len(names) + 1)
        for chosen in combinations(names, size)
    }
    shares = {}
    for name in names:
        others = [other for other in names if other != name]
        shares[name] = sum(
            _order_weight(size, len(names))
            * (known[frozenset(chosen) | {name}] - known[frozenset(chosen)])
            for size in range(len(others) + 1)
            for chosen in combinations(others, size)
        )
    return shares


def owen_shares(programmes: Mapping[str, Sequence[str]], value: Value) -> dict[str, float]:
    """Return shares when initiatives of a programme arrive together.

    Programmes first share by Shapley; inside one, initiatives share what it brings to every set
    of other programmes. One programme each, or one in all, gives Shapley's shares.
    """
    _require_countable(list(programmes))
    shares: dict[str, float] = {}
    for programme, members in programmes.items():
        _require_countable(list(members))
        others = [other for other in programmes if other != programme]
        shares |= dict.fromkeys(members, 0.0)
        for size in range(len(others) + 1):
            for chosen in combinations(others, size):
                outside = frozenset(name for other in chosen for name in programmes[other])
                inside = shapley_shares(members, partial(_joined, value, outside))
                weight = _order_weight(size, len(programmes))
                for name, share in inside.items():
                    shares[name] += weight * share
    return shares


def in_cents(shares: Mapping[str, float], total_cents: int) -> dict[str, int]:
    """Round shares to whole cents that sum to the total: the largest remainders get the rest.

    Equal remainders go by name, so the result does not depend on the order of the input.
    """
    total = sum(shares.values())
    if not shares:
        raise NotEstimable("nobody to share with")
    if abs(total * 100 - total_cents) > len(shares):
        raise NotEstimable(f"shares sum to {total}, not to {total_cents} cents")
    floors = {name: int(share * 100 // 1) for name, share in shares.items()}
    left = total_cents - sum(floors.values())
    by_remainder = sorted(shares, key=lambda name: (-(shares[name] * 100 % 1), name))
    step = 1 if left >= 0 else -1
    for position in range(abs(left)):
        floors[by_remainder[position % len(by_remainder)]] += step
    return floors


def inseparable_sets(
    initiatives: Sequence[str], observed: Mapping[frozenset[str], float], *, support_min: float
) -> list[tuple[str, str]]:
    """Return pairs that were hardly ever apart, so that data cannot tell their shares.

    Parameters
    ----------
    observed
        Unit-periods (or volume) seen with exactly these initiatives at work.
    support_min
        Unit-periods needed with one of the pair at work and the other not.
    """
    pairs = []
    for first, second in combinations(sorted(initiatives), 2):
        apart = sum(
            support for active, support in observed.items() if len(active & {first, second}) == 1
        )
        if apart < support_min:
            pairs.append((first, second))
    return pairs


def _joined(value: Value, outside: frozenset[str], inside: frozenset[str]) -> float:
    return value(inside | outside)


def _order_weight(before: int, n: int) -> float:
    return factorial(before) * factorial(n - before - 1) / factorial(n)


def _require_countable(initiatives: Sequence[str]) -> list[str]:
    names = sorted(set(initiatives))
    if len(names) != len(initiatives):
        raise NotEstimable("an initiative is named twice")
    if len(names) > INITIATIVES_MAX:
        raise NotEstimable(
            f"{len(names)} initiatives on one KPI, at most {INITIATIVES_MAX}: group them"
        )
    return names
