"""Permutation test and its inversion: who was treated is the only thing that was random.

Under an effect of exactly tau, treated units less tau are exchangeable with the others. The
interval holds every tau that the test does not reject; p-value and ends are read off the same
crossings, so they agree also at ties. All assignments are counted; where that cannot be done, or
where there are too few for the confidence asked, the answer is a refusal, never a sample.

Source: Fisher (1935), "The Design of Experiments"; Rosenbaum (2002), "Observational Studies",
2.4, for the inversion; Conley & Taber (2011), REStat 93(1), for few treated units.
"""

from dataclasses import dataclass
from itertools import chain, combinations
from math import ceil, comb

import numpy as np
from numpy.typing import NDArray

from aivalue.effects.panel import Booleans, Floats
from aivalue.errors import NotEstimable

Places = NDArray[np.int16]  # A million assignments fit into little memory.

ASSIGNMENTS_MAX = 1_000_000
LEVEL = 1e-9  # Slopes that rounding leaves of none.
ROUNDING = 64 * float(np.finfo(float).eps)
SHARE_ROUNDING = 1e-9  # 1 - 0.9 is a bit less than 0.1, and ten assignments do give 90 %.


@dataclass(frozen=True, slots=True, kw_only=True)
class Permutation:
    """Exact inference on a difference in means between few treated units and the others.

    Attributes
    ----------
    p_value : float
        At most 1 - confidence exactly when the interval leaves out zero.
    p_smallest : float
        What p would be at the largest effect of all.
    """

    point: float
    low: float
    high: float
    p_value: float
    p_smallest: float
    confidence: float
    n_assignments: int


def permutation_interval(
    treated: Floats, control: Floats, *, confidence: float = 0.95
) -> Permutation:
    """Invert the two-sided permutation test of the difference in means.

    Parameters
    ----------
    treated, control : shape (n_treated,), (n_control,)
        One number per unit, such as its change since before or its gap to a synthetic unit.

    Raises
    ------
    NotEstimable
        As `permutation_of_starts`.
    """
    change = np.concatenate([treated, control])
    had_it = np.concatenate([np.ones(len(treated)), np.zeros(len(control))])
    return permutation_of_starts(
        change[:, None], had_it[:, None], (len(treated),), confidence=confidence
    )


def permutation_of_starts(
    change: Floats, had_it: Floats, counts: tuple[int, ...], *, confidence: float = 0.95
) -> Permutation:
    """Invert the test that permutes which units went live at which start, and which never.

    The statistic is the mean over treated units of their change over their own start, less that
    of the units that never went live over the same start.

    Parameters
    ----------
    change : shape (n_units, n_starts)
        Every unit's change over every start; units in the order of their starts, those that never
        went live last.
    had_it : shape (n_units, n_starts)
        By how much an effect of one has moved that change: one over the unit's own start.
    counts : length n_starts
        Units that went live at each start.

    Raises
    ------
    NotEstimable
        Every unit went live, or assignments are too few for this confidence or too many to count.
    """
    n_never = len(change) - sum(counts)
    if n_never < 1:
        raise NotEstimable(f"{n_never} of {len(change)} units never went live, needs 1")
    n_assignments = _required_ways(len(change), counts, confidence)
    # About a control's middle, so that a far level costs no digits; it cancels.
    centred = change - np.median(change, axis=0)
    difference, moved = (_differences(part, counts) for part in (centred, had_it))
    point, rounding = float(difference[0]), ROUNDING * float(np.abs(change).max())
    start, end = _kept_between(point, difference[1:], moved[1:], rounding)
    # More than alpha of all are as extreme; the observed one always is.
    others = int(np.floor((1 - confidence) * n_assignments + SHARE_ROUNDING))
    low = float(np.partition(start, others - 1)[others - 1])
    high = float(-np.partition(-end, others - 1)[others - 1])
    if not np.isfinite([low, high]).all():
        raise NotEstimable(
            f"{n_assignments} assignments do not bound the effect at {100 * confidence:g}% "
            "confidence",
            verdict="below_sample_floor",
        )
    return Permutation(
        point=point,
        low=low,
        high=high,
        p_value=float((1 + ((start <= 0) & (end >= 0)).sum()) / n_assignments),
        p_smallest=_smallest_p(len(change), counts),
        confidence=confidence,
        n_assignments=n_assignments,
    )


def _required_ways(n_units: int, counts: tuple[int, ...], confidence: float) -> int:
    ways, smallest, alpha = _ways(n_units, counts), _smallest_p(n_units, counts), 1 - confidence
    if smallest > alpha + SHARE_ROUNDING:
        needed = ceil(smallest * ways / alpha - SHARE_ROUNDING)
        raise NotEstimable(
            f"{ways} assignments cannot give {100 * confidence:g}% confidence: p can be "
            f"{smallest:.2g} at best, needs {needed} assignments",
            verdict="below_sample_floor",
        )
    if ways > ASSIGNMENTS_MAX:
        raise NotEstimable(
            f"{ways} assignments of {sum(counts)} among {n_units} units cannot all be counted, "
            f"and none is left to chance: at most {ASSIGNMENTS_MAX} can"
        )
    return ways


def _smallest_p(n_units: int, counts: tuple[int, ...]) -> float:
    """Return the p-value of the most extreme assignment there can be.

    Where as many went live (all at once) as did not, the reverse is always exactly as extreme.
    """
    is_mirrored = len(counts) == 1 and 2 * counts[0] == n_units
    return (2 if is_mirrored else 1) / _ways(n_units, counts)


def _ways(n_units: int, counts: tuple[int, ...]) -> int:
    ways, left = 1, n_units
    for count in counts:
        ways *= comb(left, count)
        left -= count
    return ways


def _differences(change: Floats, counts: tuple[int, ...]) -> Floats:
    """Return the statistic of every assignment, the observed one first."""
    n_treated = sum(counts)
    n_control = len(change) - n_treated
    # A unit picked for a start adds its change there, and stops being a control of all starts.
    weighed = change * np.array(counts)
    as_control = weighed.sum(axis=1) / (n_treated * n_control)
    added = change / n_treated + as_control[:, None]
    total = np.zeros(1)
    left = np.arange(len(change), dtype=np.int16)[None]
    for at, count in enumerate(counts):
        picks = _picks(left.shape[1], count)
        total = (total[:, None] + added[left[:, picks], at].sum(axis=2)).ravel()
        if at < len(counts) - 1:
            left = left[:, _others(left.shape[1], picks)].reshape(len(total), -1)
    return total - float(as_control.sum())


def _picks(n: int, count: int) -> Places:
    flat = np.fromiter(chain.from_iterable(combinations(range(n), count)), np.int16)
    return flat.reshape(-1, count)


def _others(n: int, picks: Places) -> Places:
    is_left = np.ones((len(picks), n), dtype=bool)
    is_left[np.arange(len(picks))[:, None], picks] = False
    return np.nonzero(is_left)[1].astype(np.int16).reshape(len(picks), -1)


def _kept_between(
    point: float, difference: Floats, moved: Floats, rounding: float
) -> tuple[Floats, Floats]:
    """Return, per assignment, the effects between which it is as extreme as the observed one.

    |d - tau m| >= |point - tau| holds between the crossings of its two branches, because m is at
    most 1 in size; the point itself always lies between.
    """
    first, is_same = _crossing(_unless_rounding(point - difference, rounding), 1 - moved)
    second, is_reverse = _crossing(_unless_rounding(point + difference, rounding), 1 + moved)
    start = np.minimum(np.minimum(first, second), point)
    end = np.maximum(np.maximum(first, second), point)
    is_always = is_same | is_reverse
    return np.where(is_always, -np.inf, start), np.where(is_always, np.inf, end)


def _crossing(gap: Floats, slope: Floats) -> tuple[Floats, Booleans]:
    """Return where a branch is met, infinitely far if never, and where it is met everywhere."""
    is_level = slope <= LEVEL
    crossing = gap / np.where(is_level, 1.0, slope)
    is_never = is_level & (gap != 0)
    return np.where(is_never, np.copysign(np.inf, gap), crossing), is_level & (gap == 0)


def _unless_rounding(gap: Floats, rounding: float) -> Floats:
    """Take a gap that rounding explains for none: a tie is as extreme, whatever its last digit."""
    return np.where(np.abs(gap) <= rounding, 0.0, gap)
