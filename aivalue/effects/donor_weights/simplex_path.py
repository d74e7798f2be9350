"""Weights that sum to one, as a function of the effect that is taken off the treated unit.

For each supposed effect the best mix of donors is another quadratic programme, but its solution is
linear in the effect as long as the same donors take part. So all of them together are a few
straight pieces, and what depends on them can be solved for exactly instead of on a grid.

Source: Best (1996), "An Algorithm for the Solution of the Parametric Quadratic Programming
Problem", in Applied Mathematics and Parallel Computing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from aivalue.effects.donor_weights.simplex import simplex_weights
from aivalue.effects.panel import Booleans, Floats
from aivalue.errors import NotEstimable

UNIQUE = 1e-9  # Ridge, of the mean square of donors: makes weights unique, moves none.
STEP = 1e-9  # Past the end of a piece.
PIECES_PER_DONOR = 50
SLACK = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is linear in the effect, for effects from low to high.

    Attributes
    ----------
    constant, slope : shape (n_periods,)
        Residuals are `constant + effect * slope`.
    weights, moved : shape (n_donors,)
        Weights are `weights + effect * moved`.
    """

    low: float
    high: float
    constant: Floats
    slope: Floats
    weights: Floats
    moved: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What is fitted: the treated unit less an effect where `with_ai`, by donors.

    Outcomes are in a unit in which their range is about one.

    Attributes
    ----------
    treated, with_ai : shape (n_periods,)
    donors : shape (n_donors, n_periods)
    penalty : ridge on the weights
    """

    treated: Floats
    donors: Floats
    with_ai: Floats
    penalty: float = 0.0


def pieces_of(fitted: Fitted, *, start: float) -> list[Piece]:
    """Return all pieces in ascending order, from minus to plus infinity; `start` lies in one."""
    path = _Path(fitted)
    upward = list(path.walk(start, up=True))
    downward = list(path.walk(start, up=False))
    # The first of both is the same piece.
    return [*reversed(downward[1:]), *upward]


class _Path:
    """The programmes of one fit, of which consecutive ones share all but the target."""

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted
        donors = fitted.donors
        gram = donors @ donors.T
        ridge = fitted.penalty + UNIQUE * float(np.trace(gram)) / len(gram)
        gram[np.diag_indices_from(gram)] += ridge
        self._gram = gram
        self._right = donors @ fitted.treated
        self._moved = donors @ fitted.with_ai

    def walk(self, start: float, *, up: bool) -> Iterator[Piece]:
        effect = start
        end, hurry = effect, 1.0
        for number in range(PIECES_PER_DONOR * (len(self._gram) + 1)):
            piece = self._piece_at(effect)
            if number > 0:
                # What lies between two pieces is rounding: the next begins where one ends.
                piece = replace(piece, low=end) if up else replace(piece, high=end)
            yield piece
            end = piece.high if up else piece.low
            if np.isinf(end):
                return
            # Where donors nearly repeat each other, pieces may be shorter than rounding is.
            hurry = 2 * hurry if end == effect else 1.0
            step = hurry * STEP * max(1.0, abs(end))
            effect = end + step if up else end - step
        raise NotEstimable("donor weights do not settle: donors repeat each other")

    def _piece_at(self, effect: float) -> Piece:
        used = simplex_weights(self._gram, self._right - effect * self._moved) > 0
        weights, moved = self._linear(used)
        low, high = self._reach(used, weights, moved)
        donors, fitted = self._fitted.donors, self._fitted
        return Piece(
            low=min(low, effect),
            high=max(high, effect),
            constant=fitted.treated - weights @ donors,
            slope=-fitted.with_ai - moved @ donors,
            weights=weights,
            moved=moved,
        )

    def _linear(self, used: Booleans) -> tuple[Floats, Floats]:
        """Return the weights of these donors at no effect, and what each unit of effect adds."""
        chosen = np.flatnonzero(used)
        n = len(chosen)
        system = np.zeros((n + 1, n + 1))
        system[:n, :n] = self._gram[np.ix_(chosen, chosen)]
        system[n, :n] = system[:n, n] = 1.0
        right = np.zeros((n + 1, 2))
        right[:n, 0], right[n, 0] = self._right[chosen], 1.0
        right[:n, 1] = -self._moved[chosen]
        solution = np.linalg.solve(system, right)[:n]
        both = np.zeros((2, len(used)))
        both[:, chosen] = solution.T
        return both[0], both[1]

    def _reach(self, used: Booleans, weights: Floats, moved: Floats) -> tuple[float, float]:
        """Return between which effects these donors, and no others, are the best to mix."""
        gradient = self._gram @ weights - self._right
        turn = self._gram @ moved + self._moved
        first = int(np.argmax(used))
        # Weights stay positive, and no donor left out would do better: all of it linear.
        constant = np.where(used, weights, gradient - gradient[first])
        slope = np.where(used, moved, turn - turn[first])
        # Weights move by about one over the outcome's range, gradients as their target does.
        scale = np.where(used, 1.0, np.abs(self._moved).max())
        falls, rises = slope < -SLACK * scale, slope > SLACK * scale
        with np.errstate(divide="ignore", invalid="ignore"):
            root = -constant / slope
        low = float(root[rises].max(initial=-np.inf))
        high = float(root[falls].min(initial=np.inf))
        return low, high
