"""Few clusters: CR2 with its own degrees of freedom beside the wild cluster bootstrap.

Experiments that randomized clusters of unequal size, as in D14. The bootstrap imposes the null,
gives clusters the signs of Rademacher (all of them counted up to twelve clusters) or Webb's six
weights, and is inverted for its interval; the usual clustered errors are its statistic, and by
themselves the peers' answer.

    python -m tests.validation.wild --draws 1000 --seed 1

Source: Cameron, Gelbach & Miller (2008), REStat 90(3); Webb (2023), Canadian Journal of Economics
56(3), for six weights; MacKinnon & Webb (2017), Journal of Applied Econometrics 32(2), for what
few treated clusters do to it.
"""

import argparse
import sys
from dataclasses import dataclass
from itertools import product

import numpy as np

from aivalue.effects.error_models.cluster_robust import cluster_robust
from aivalue.effects.panel import Floats, Integers
from aivalue.effects.student_t import t_quantile
from tests.validation.clusters import subjects_of

DESIGNS = ((2, 10), (3, 10), (5, 10), (3, 20), (5, 20))
COUNTED_MAX = 12
N_WEBB = 999
WEBB = np.sqrt([0.5, 1.0, 1.5])
ALPHA = 0.05
HALVINGS = 16
FAR = 64.0  # Usual errors within which an end is looked for.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Ends and whether zero, the truth, is inside."""

    low: float
    high: float

    @property
    def covers(self) -> bool:
        """Whether zero is inside."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """An arm's contrast by least squares, its clusters' scores as a function of their weights.

    Attributes
    ----------
    moved : shape (n_clusters,)
        What each cluster's residuals under the null move the contrast by.
    scores : shape (n_clusters, n_clusters)
        Score of one cluster per weight of another.
    """

    point: float
    moved: Floats
    scores: Floats

    def statistics(self, weights: Floats) -> Floats:
        """Return t of each row of weights, by the usual clustered errors."""
        n = len(self.moved)
        squares = ((weights @ self.scores.T) ** 2).sum(axis=1) * n / (n - 1)
        error = np.sqrt(np.maximum(squares, np.finfo(float).tiny))
        statistics: Floats = (weights @ self.moved) / error
        return statistics


def regression_under(null: float, arm: Floats, outcome: Floats, cluster: Integers) -> Regression:
    """Impose the effect, and lay out what weights of clusters do to the statistic."""
    design = np.column_stack([arm, np.ones(len(arm))])
    inverse = np.linalg.inv(design.T @ design)
    left = outcome - null * arm
    residual = left - left.mean()
    n = int(cluster.max()) + 1
    by_cluster = np.stack([design[cluster == g].T @ residual[cluster == g] for g in range(n)])
    inside = np.stack([design[cluster == g].T @ design[cluster == g] for g in range(n)])
    contrast = inverse[0]
    moved = by_cluster @ contrast
    fitted = np.einsum("k,gkl,hl->gh", contrast, inside, by_cluster @ inverse)
    point = float(contrast @ (design.T @ outcome))
    return Regression(point=point, moved=moved, scores=np.diag(moved) - fitted)


def wild(arm: Floats, outcome: Floats, cluster: Integers, weights: Floats) -> Interval:
    """Invert the test that compares the statistic with those under all rows of weights."""
    start = regression_under(0.0, arm, outcome, cluster)
    error = abs(start.point) / max(abs(float(_observed(start))), 1e-9)

    def is_kept(null: float) -> bool:
        found = regression_under(null, arm, outcome, cluster)
        extreme = np.abs(found.statistics(weights)) >= abs(_observed(found)) * (1 - ROUNDING)
        return bool(extreme.mean() > ALPHA)

    def end(sign: float) -> float:
        inside, outside = 0.0, FAR
        if is_kept(start.point + sign * FAR * error):
            return sign * np.inf
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            kept = is_kept(start.point + sign * middle * error)
            inside, outside = (middle, outside) if kept else (inside, middle)
        return start.point + sign * inside * error

    return Interval(low=end(-1.0), high=end(1.0))


def _observed(found: Regression) -> float:
    return float(found.statistics(np.ones((1, len(found.moved))))[0])


def weights_of(n: int, kind: str, rng: np.random.Generator) -> Floats:
    """Return rows of weights, the identity among them: all signs, or some of many."""
    if kind == "rademacher" and n <= COUNTED_MAX:
        return np.array(list(product((1.0, -1.0), repeat=n)))
    drawn = rng.choice([-1.0, 1.0], (N_WEBB, n))
    if kind == "webb":
        drawn = drawn * rng.choice(WEBB, (N_WEBB, n))
    return np.concatenate([np.ones((1, n)), drawn])


def intervals(n_treated: int, n: int, rng: np.random.Generator) -> dict[str, Interval]:
    """Draw once and read it in each way."""
    subjects = subjects_of(n_treated, n, rng)
    arm, outcome = subjects.treated.astype(np.float64), subjects.outcome
    if subjects.cluster is None:
        raise AssertionError("drawn with clusters")
    cluster = subjects.cluster
    found = cluster_robust(np.column_stack([arm, np.ones(len(arm))]), outcome, cluster)
    point, error = float(found.point[0]), float(found.covariance[0, 0]) ** 0.5
    margin = error * t_quantile(1 - ALPHA / 2, found.degrees_of_freedom)
    usual = regression_under(point, arm, outcome, cluster)
    squares = float((usual.scores.sum(axis=1) ** 2).sum()) * n / (n - 1)
    plain = squares**0.5 * t_quantile(1 - ALPHA / 2, n - 1.0)
    return {
        "usual": Interval(low=point - plain, high=point + plain),
        "CR2": Interval(low=point - margin, high=point + margin),
        **{
            kind: wild(arm, outcome, cluster, weights_of(n, kind, rng))
            for kind in ("rademacher", "webb")
        },
    }


def main() -> int:
    """Print a row per design: coverage in percent, and median width over that of CR2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    names = ("usual", "CR2", "rademacher", "webb")
    sys.stdout.write(f"| treated clusters | {' | '.join(names)} |\n|---|---|---|---|---|\n")
    for n_treated, n in DESIGNS:
        rng = np.random.default_rng([given.seed, n_treated, n])
        found = [intervals(n_treated, n, rng) for _ in range(given.draws)]
        width = {
            name: float(np.median([each[name].high - each[name].low for each in found]))
            for name in names
        }
        figures = [
            f"{100 * np.mean([each[name].covers for each in found]):.1f}, "
            f"{width[name] / width['CR2']:.2f}"
            for name in names
        ]
        sys.stdout.write(f"| {n_treated} of {n} | {' | '.join(figures)} |\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
