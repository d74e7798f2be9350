"""One treated unit read over time: its own past periods stand in for placebos that are too few.

Under an effect of exactly tau, the treated unit less tau and its mix of donors differ by the same
kind of surprise in every period, so the stretch with the AI is one of as many stretches as there
are periods (each start, the end joined to the beginning). The mix is fitted anew under each tau,
to all periods alike: then exchangeable surprises make the test exact. The interval holds every tau
that is not rejected; it is solved for, not searched on a grid.

Source: Chernozhukov, Wuethrich & Zhu (2021), "An Exact and Robust Conformal Inference Method for
Counterfactual and Synthetic Controls", JASA 116(536) 1849-1864, with moving blocks.
"""

from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Literal

import numpy as np

from aivalue.effects.donor_weights.simplex_path import Fitted, Piece, pieces_of
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable

# Stretches as long as the one with the AI that must lie before it: fewer are no comparison.
STRETCHES_BEFORE_MIN = 3
Free = Literal["nothing", "level", "trend"]
REMAINDER = 1e-6  # Surprises below this share of the outcome's range are none.
TIE = 1e-12  # And differences among them below this one.
SLACK = 1e-6  # Of the outcome's range: pieces end within rounding of each other.


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformal:
    """Which effects the shifts of time do not reject.

    Attributes
    ----------
    point : float
        The effect under which the stretch with the AI is the least surprising of all.
    ends : shape (n_stretches + 1,), ascending from minus to plus infinity
    share : shape (n_stretches,)
        Of the shifts that are as surprising as the observed one, for effects between two ends.
    surprise : shape (n_periods,)
        What donors leave of the unit less that effect.
    weights : shape (n_donors,)
        Of the donors then.
    shift : float
        How far a drift may have moved the effect: the interval reaches over both places.
    """

    point: float
    ends: Floats
    share: Floats
    surprise: Floats
    weights: Floats
    shift: float = 0.0

    @property
    def n_shifts(self) -> int:
        """How many shifts of time there are: one for each period."""
        return len(self.surprise)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the hull of the effects that are not rejected.

        Raises
        ------
        NotEstimable
            There are too few shifts for any effect to be rejected.
        """
        require_shifts(self.n_shifts, confidence)
        kept = np.flatnonzero(self.share > 1 - confidence + 1e-9)
        low, high = float(self.ends[kept[0]]), float(self.ends[kept[-1] + 1])
        return low + min(self.shift, 0.0), high + max(self.shift, 0.0)

    def p_value(self, effect: float = 0.0) -> float:
        """Return the largest share for this effect or one farther from the point.

        At most 1 - confidence exactly when `interval(confidence)` does not hold the effect.
        """
        if effect < self.point:
            effect = min(effect - min(self.shift, 0.0), self.point)
            return float(self.share[self.ends[:-1] <= effect].max())
        effect = max(effect - max(self.shift, 0.0), self.point)
        return float(self.share[self.ends[1:] >= effect].max())


def conformal(
    treated: Floats,
    donors: Floats,
    with_ai: Floats,
    *,
    weights: Floats | None = None,
    free: Free = "nothing",
    penalty: float = 0.0,
) -> Conformal:
    """Test every constant effect on one treated unit by all shifts of time.

    Assumes that, the effect taken off, surprises come in the same way in every period; where they
    remember, that the history is long beside the stretch with the AI.

    Parameters
    ----------
    treated : shape (n_periods,)
    donors : shape (n_donors, n_periods)
    with_ai : shape (n_periods,)
        1 in the last periods, 0 before.
    weights : shape (n_after,), or None
        What each period with the AI counts in the average; None counts them alike.
    free
        What between the unit and its donors is no surprise: "level", as for the synthetic
        difference, or "trend", a level that drifts apart steadily.
    penalty : ridge on the weights of donors

    Raises
    ------
    NotEstimable
        No donor, no period before or with the AI, or nothing is left to be surprised by.
    """
    n, n_after = len(treated), int(with_ai.sum())
    if not len(donors) or not 0 < n_after < n:
        raise NotEstimable(f"{len(donors)} donors, {n - n_after} periods before, {n_after} after")
    share = np.full(n_after, 1 / n_after) if weights is None else weights / weights.sum()
    fitted, unit = _in_its_range(treated, donors, with_ai, free=free)
    fitted = replace(fitted, penalty=penalty / unit**2)
    before, after = (
        float(fitted.treated[part].mean() - fitted.donors[:, part].mean())
        for part in (slice(None, n - n_after), slice(n - n_after, None))
    )
    pieces = pieces_of(fitted, start=after - before)
    blocks = [_blocks(piece, share) for piece in pieces]
    at = _least_surprising(pieces, blocks)
    point = -float(blocks[at][0][0] / blocks[at][1][0])
    surprise = pieces[at].constant + point * pieces[at].slope
    if float(np.abs(surprise).max()) <= REMAINDER:
        raise NotEstimable("donors explain the unit without remainder: no surprise is left")
    counted = [_counted(piece, *block) for piece, block in zip(pieces, blocks, strict=True)]
    return Conformal(
        point=point * unit,
        ends=np.concatenate([[-np.inf], *(ends[1:] for ends, _ in counted)]) * unit,
        share=np.concatenate([share for _, share in counted]),
        surprise=surprise * unit,
        weights=pieces[at].weights + point * pieces[at].moved,
    )


def allowing_for_drift(
    found: Conformal, treated: Floats, donors: Floats, with_ai: Floats, *, confidence: float
) -> Conformal:
    """Let the interval reach as far as a steady drift from few donors may have moved it.

    Few donors seldom surround a unit, and what they miss drifts. An interval that left every drift
    free would be half as wide again everywhere. So it is moved, and the old place kept, only where
    the effect with the drift taken off lies outside.
    """
    low, high = found.interval(confidence)
    try:
        point = conformal(treated, donors, with_ai, free="trend").point
    except NotEstimable:
        return found
    return found if low <= point <= high else replace(found, shift=point - found.point)


def _in_its_range(
    treated: Floats, donors: Floats, with_ai: Floats, *, free: Free
) -> tuple[Fitted, float]:
    """Return what is fitted with a range of one, and the range in the outcome's unit."""
    # Weights sum to one, so a level that all share changes nothing but rounding.
    treated, donors = treated - donors.mean(), donors - donors.mean()
    if free != "nothing":
        time = np.arange(len(treated), dtype=np.float64)
        known = np.vstack([np.ones_like(time), time])[: 2 if free == "trend" else 1]
        basis = np.linalg.qr(known.T)[0]
        treated, with_ai, donors = (
            values - (values @ basis) @ basis.T for values in (treated, with_ai, donors)
        )
    if not np.ptp(donors) > 0:
        raise NotEstimable("donors do not vary, so no mix of them can be fitted")
    unit = float(np.ptp(np.vstack([treated, donors])))
    return Fitted(treated=treated / unit, donors=donors / unit, with_ai=with_ai), unit


def require_shifts(n_shifts: int, confidence: float) -> None:
    """Refuse a confidence that so few shifts of time cannot give."""
    needed = ceil(1 / (1 - confidence) - 1e-9)
    if floor(n_shifts * (1 - confidence) + 1e-9) < 1:
        raise NotEstimable(
            f"it cannot be told at {100 * confidence:g}%: {n_shifts} shifts of time, "
            f"needs {needed}",
            verdict="below_sample_floor",
        )


def require_history(n_before: int, n_after: int, confidence: float) -> None:
    """Refuse histories too short for the confidence, or beside the time with the AI."""
    require_shifts(n_before + 1, confidence)
    if n_before < STRETCHES_BEFORE_MIN * n_after:
        raise NotEstimable(
            f"it cannot be told: {n_before} periods before hold fewer than {STRETCHES_BEFORE_MIN} "
            f"stretches as long as the {n_after} with the AI",
            verdict="below_sample_floor",
        )


def _blocks(piece: Piece, weights: Floats) -> tuple[Floats, Floats]:
    """Return the weighted mean of each stretch, the observed first: constant and slope."""
    n, n_after = len(piece.constant), len(weights)
    start = (n - n_after + np.arange(n)) % n
    within = (start[:, None] + np.arange(n_after)) % n
    return piece.constant[within] @ weights, piece.slope[within] @ weights


def _least_surprising(pieces: list[Piece], blocks: list[tuple[Floats, Floats]]) -> int:
    """Return the piece in which the observed stretch is no surprise at all for some effect."""
    for at, (piece, (constant, slope)) in enumerate(zip(pieces, blocks, strict=True)):
        if not slope[0] < 0:
            continue
        root = -float(constant[0] / slope[0])
        if piece.low - SLACK <= root <= piece.high + SLACK:
            return at
    raise NotEstimable("no effect makes the periods with the AI look like the others")


def _counted(piece: Piece, constant: Floats, slope: Floats) -> tuple[Floats, Floats]:
    """Cut a piece where a shift becomes as surprising as the observed one, or stops being so."""
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.concatenate(
            [
                (constant[0] - constant[1:]) / (slope[1:] - slope[0]),
                -(constant[0] + constant[1:]) / (slope[1:] + slope[0]),
            ]
        )
    inside = np.unique(roots[(roots > piece.low) & (roots < piece.high)])
    ends = np.concatenate([[piece.low], inside, [piece.high]])
    reach = 1 + np.abs(inside).max(initial=0.0)
    low = np.where(np.isinf(ends[:-1]), np.minimum(ends[1:], reach) - reach, ends[:-1])
    high = np.where(np.isinf(ends[1:]), np.maximum(low, -reach) + reach, ends[1:])
    middle = (low + high) / 2
    surprise = np.abs(constant + middle[:, None] * slope)
    as_large = surprise >= surprise[:, :1] - TIE
    return ends, as_large.mean(axis=1)
