"""What each unit's outcome changed by over each start, as permutations of starts compare it."""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Booleans, Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Units in the order of their starts, those that never went live last.

    Attributes
    ----------
    change, had_it : shape (n_units, n_starts)
        Mean from the start on less the mean before it, of the outcome and of having the AI.
    counts : length n_starts
        Units that went live at each start.
    """

    change: Floats
    had_it: Floats
    counts: tuple[int, ...]


def changes_of(value: Floats, weight: Floats, with_ai: Booleans, first: Integers) -> Changes:
    """Compare every unit with itself over every start there was.

    Units that are not measured on both sides of every start are left out; whether they are has
    nothing to do with who was treated.

    Parameters
    ----------
    value : shape (n_units, n_periods)
        Ignored where weight is 0.
    weight : shape (n_units, n_periods), >= 0
    with_ai : shape (n_units, n_periods)
    first : shape (n_units,)
        Position of the first period with AI; `n_periods` where never.
    """
    n_periods = value.shape[1]
    starts = np.unique(first[first < n_periods])
    value = np.where(weight > 0, value, 0.0)
    change, had_it, seen = [], [], np.ones(len(value), dtype=bool)
    for start in starts:
        after = np.arange(n_periods) >= start
        sides = [np.where(side, weight, 0.0) for side in (after, ~after)]
        seen &= np.all([side.sum(axis=1) > 0 for side in sides], axis=0)
        change.append(_step(value, sides))
        had_it.append(_step(with_ai.astype(np.float64), sides))
    order = np.argsort(first, kind="stable")
    order = order[seen[order]]
    counts = [int((first[order] == start).sum()) for start in starts]
    kept = [at for at, count in enumerate(counts) if count > 0]
    return Changes(
        change=np.column_stack(change)[order][:, kept],
        had_it=np.column_stack(had_it)[order][:, kept],
        counts=tuple(counts[at] for at in kept),
    )


def _step(value: Floats, sides: list[Floats]) -> Floats:
    after, before = (
        (value * side).sum(axis=1) / np.maximum(side.sum(axis=1), np.finfo(float).tiny)
        for side in sides
    )
    step: Floats = after - before
    return step
