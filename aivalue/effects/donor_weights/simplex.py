"""Least squares over weights that are not negative and sum to one, solved exactly.

Published synthetic-control figures differ in the second digit because solvers stop early. An
active set on the Gram matrix ends at the optimum, and the duality gap proves it: no weights
can have an objective lower by more than the gap. Where the optimum is unique the set changes by
many weights at once; otherwise, or should that go in circles, by one at a time.

Source: Lawson & Hanson (1974), "Solving Least Squares Problems", chapter 23, with the sum to one
as an equality; Portugal, Judice & Vicente (1994), Mathematics of Computation 63(208), for many at
once; Jaggi (2013), ICML, for the gap.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Booleans, Floats
from aivalue.errors import NotEstimable

TOLERANCE = 1e-10  # Of the gradient, as a share of its scale.
ROUNDS_PER_WEIGHT = 20
WELL_POSED = 1e-6  # Least over largest diagonal of the Gram matrix's root.
PATIENCE = 3  # Rounds without fewer weights in the wrong place.


@dataclass(frozen=True, slots=True, kw_only=True)
class SimplexFit:
    """Optimal weights with their proof.

    Attributes
    ----------
    weights : shape (n_weights,)
    squares : float
        Sum of squared residuals, the penalty not included.
    gap : float
        Upper bound on how much lower the penalized objective could be.
    """

    weights: Floats
    squares: float
    gap: float


def simplex_least_squares(matrix: Floats, target: Floats, *, penalty: float = 0.0) -> SimplexFit:
    """Minimize |matrix w - target|^2 + penalty |w|^2 over w >= 0 with sum 1."""
    gram = matrix.T @ matrix
    gram[np.diag_indices_from(gram)] += penalty
    weights = simplex_weights(gram, matrix.T @ target)
    residual = matrix @ weights - target
    gradient = 2 * (matrix.T @ residual + penalty * weights)
    return SimplexFit(
        weights=weights,
        squares=float(residual @ residual),
        gap=max(float(gradient @ weights - gradient.min()), 0.0),
    )


def simplex_weights(gram: Floats, right: Floats) -> Floats:
    """Minimize w'Gw / 2 - c'w over w >= 0 with sum 1, from the Gram matrix alone."""
    n_weights = len(right)
    scale = max(float(np.abs(gram).max()), float(np.abs(right).max()), np.finfo(float).tiny)
    found = _many_at_once(gram, right, scale) if _is_well_posed(gram) else None
    if found is not None:
        return found
    weights = np.zeros(n_weights)
    weights[int(np.argmin(np.diag(gram) / 2 - right))] = 1.0
    used = weights > 0
    for _ in range(ROUNDS_PER_WEIGHT * n_weights + ROUNDS_PER_WEIGHT):
        weights, used = _to_the_face_optimum(gram, right, weights, used)
        gradient = gram @ weights - right
        level = float(gradient[used] @ weights[used])
        slack = np.where(used, np.inf, gradient - level)
        entering = int(np.argmin(slack))
        if not slack[entering] < -TOLERANCE * scale:
            return weights
        used = used.copy()
        used[entering] = True
    raise NotEstimable("donor weights do not settle: donors repeat each other")


def _is_well_posed(gram: Floats) -> bool:
    """Return whether every face has one optimum, clear of rounding."""
    try:
        diagonal = np.diag(np.linalg.cholesky(gram))
    except np.linalg.LinAlgError:
        return False
    return bool(diagonal.min() > WELL_POSED * diagonal.max())


def _many_at_once(gram: Floats, right: Floats, scale: float) -> Floats | None:
    """Let all weights that should enter or leave do so together; None if that goes in circles."""
    used = np.ones(len(right), dtype=bool)
    fewest, patience = len(right) + 1, PATIENCE
    while patience > 0:
        weights = np.zeros(len(right))
        weights[used] = _equality_solution(gram[np.ix_(used, used)], right[used])
        gradient = gram @ weights - right
        level = float(gradient[used] @ weights[used])
        wrong = np.where(used, weights <= 0, gradient - level < -TOLERANCE * scale)
        n_wrong = int(np.count_nonzero(wrong))
        if n_wrong == 0:
            return weights
        patience = PATIENCE if n_wrong < fewest else patience - 1
        fewest = min(fewest, n_wrong)
        used = used ^ wrong
    return None


def _to_the_face_optimum(
    gram: Floats, right: Floats, weights: Floats, used: Booleans
) -> tuple[Floats, Booleans]:
    """Move to the best weights among those used, dropping each that would turn negative."""
    while True:
        chosen = np.flatnonzero(used)
        wanted = _equality_solution(gram[np.ix_(chosen, chosen)], right[chosen])
        current = weights[chosen]
        if (wanted > 0).all():
            weights = np.zeros_like(weights)
            weights[chosen] = wanted
            return weights, used
        falling = wanted <= 0
        steps = current[falling] / np.maximum(current[falling] - wanted[falling], 1e-300)
        step = float(steps.min())
        moved = current + step * (wanted - current)
        leaving = chosen[falling][steps <= step]
        weights = np.zeros_like(weights)
        weights[chosen] = np.maximum(moved, 0.0)
        weights[leaving] = 0.0
        weights /= weights.sum()
        used = used.copy()
        used[leaving] = False


def _equality_solution(gram: Floats, right: Floats) -> Floats:
    n = len(right)
    system = np.zeros((n + 1, n + 1))
    system[:n, :n] = gram
    system[n, :n] = system[:n, n] = 1.0
    both = np.append(right, 1.0)
    try:
        solution: Floats = np.linalg.solve(system, both)
    except np.linalg.LinAlgError:
        # Donors that repeat each other: the shortest of the equally good weights.
        solution = np.linalg.lstsq(system, both, rcond=None)[0]
    return solution[:n]
