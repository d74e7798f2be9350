"""D14 and D15: few treated clusters, whole or in parts, and shares with few successes.

For wild cluster bootstraps beside ours in the randomized ones: `python -m tests.validation.wild`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from aivalue.effects.effect import Effect
from aivalue.effects.estimators.callaway_santanna import callaway_santanna
from aivalue.effects.estimators.experiment import experiment
from aivalue.effects.estimators.imputation import imputation
from aivalue.effects.estimators.staggered import StaggeredPanel
from aivalue.effects.estimators.subjects import Subjects
from aivalue.effects.panel import Floats, Integers
from tests.validation.cell import Cell, Reading, reading_of
from tests.validation.worlds import PERIODS, autoregressive

Estimator = Callable[[StaggeredPanel], Effect]
N_PERIODS = 12
EQUAL, UNEQUAL = (5,), (2, 3, 5, 10, 20)
AT_ONCE, IN_WAVES = (6,), (4, 6, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """Clusters of these sizes by turns, of which the first get the AI at these times by turns."""

    n_treated: int
    n: int
    sizes: tuple[int, ...] = UNEQUAL
    starts: tuple[int, ...] = IN_WAVES
    correlation: float = 0.6
    in_parts: bool = False
    share_missing: float = 0.0

    @property
    def reason(self) -> str:
        """Why more may be covered than claimed, if it may."""
        if self.sizes == UNEQUAL:
            return "small clusters, which vary more, count like large ones"
        if self.in_parts:
            return "degrees of freedom as if all doubt were about what clusters share"
        return "degrees of freedom as if all waves erred alike" if len(self.starts) > 1 else ""

    @property
    def name(self) -> str:
        """What is unusual about it."""
        words = [
            f"{self.n_treated} of {self.n} clusters",
            "of equal size" if self.sizes == EQUAL else "of unequal size",
            "in waves" if len(self.starts) > 1 else "at once",
            f"correlation {self.correlation}",
        ]
        if self.in_parts:
            words.append("in parts")
        if self.share_missing:
            words.append(f"{self.share_missing:.0%} of cells missing")
        return ", ".join(words)


def clusters_drawn(
    world: Clusters, rng: np.random.Generator
) -> tuple[Floats, Integers, Integers, Integers]:
    """Return outcomes, each unit's cluster and first period with AI, and the clusters' starts."""
    size = rng.permutation(np.resize(world.sizes, world.n))
    cluster = np.repeat(np.arange(world.n), size)
    shock = autoregressive(rng, world.correlation, (world.n, N_PERIODS))
    y = shock[cluster] + rng.normal(size=(len(cluster), N_PERIODS))
    at = np.arange(world.n)
    of_cluster = np.where(at < world.n_treated, np.take(world.starts, at % len(world.starts)), 99)
    start = np.minimum(of_cluster[cluster], N_PERIODS)
    if world.in_parts:
        # Every second unit of a treated cluster goes live, the first of each among them.
        place = np.arange(len(cluster)) - np.searchsorted(cluster, cluster)
        start = np.where(place % 2 == 0, start, N_PERIODS)
    if world.share_missing:
        y = np.where(rng.random(y.shape) < world.share_missing, np.nan, y)
    return y, cluster, start.astype(np.int64), of_cluster


def _rollout(estimator: Estimator, world: Clusters, rng: np.random.Generator) -> Reading:
    y, cluster, start, _ = clusters_drawn(world, rng)
    panel = StaggeredPanel(
        outcome=y,
        first_treated=start,
        units=tuple(f"u{row:03d}" for row in range(len(y))),
        periods=PERIODS[:N_PERIODS],
        cluster=cluster,
    )
    return reading_of(estimator(panel), 0.0)


def subjects_of(n_treated: int, n: int, rng: np.random.Generator) -> Subjects:
    """Draw an experiment that randomized clusters of unequal size; they share half their luck."""
    size = rng.permutation(np.resize(UNEQUAL, n)) * 4
    cluster = np.repeat(np.arange(n), size)
    treated = (rng.permutation(n) < n_treated)[cluster]
    outcome = rng.normal(size=n)[cluster] + rng.normal(size=len(cluster))
    return Subjects(
        outcome=outcome, treated=treated, before=np.empty((len(cluster), 0)), cluster=cluster
    )


def _experiment(n_treated: int, n: int, rng: np.random.Generator) -> Reading:
    return reading_of(experiment(subjects_of(n_treated, n, rng), period=PERIODS[0]), 0.0)


def _shares(
    rates: tuple[float, float], sizes: tuple[int, int], rng: np.random.Generator
) -> Reading:
    arms = [
        (rng.random(size) < rate).astype(float) for rate, size in zip(rates, sizes, strict=True)
    ]
    subjects = Subjects(
        outcome=np.concatenate(arms),
        treated=np.arange(sum(sizes)) < sizes[0],
        before=np.empty((sum(sizes), 0)),
    )
    return reading_of(experiment(subjects, period=PERIODS[0]), rates[0] - rates[1])


_GAPS = "cells are missing: few clusters are read by their scores, with few degrees of freedom"
_DISCRETE = "few successes: few different intervals, and the longer side counts on both"

_WORLDS = (
    *(Clusters(n_treated=k, n=n) for k, n in ((3, 10), (5, 10), (5, 20))),
    Clusters(n_treated=5, n=10, sizes=EQUAL, starts=AT_ONCE, correlation=0.9),
    Clusters(n_treated=5, n=10, sizes=EQUAL, correlation=0.9),
    Clusters(n_treated=5, n=10, sizes=EQUAL, starts=AT_ONCE, in_parts=True),
    Clusters(n_treated=5, n=10, sizes=EQUAL, in_parts=True),
)
_MISSING = Clusters(n_treated=5, n=10, sizes=EQUAL, starts=AT_ONCE, share_missing=0.2)
_BOTH: dict[str, Estimator] = {
    "imputation": imputation,
    "callaway_santanna": callaway_santanna,
}

CLUSTERS: tuple[Cell, ...] = (
    *(
        Cell(
            name=f"D14 {world.name}: {name}",
            method=name,
            draw=partial(_rollout, estimator, world),
            promise="conservative" if world.reason else "exact",
            reason=world.reason,
        )
        for name, estimator in _BOTH.items()
        for world in _WORLDS
    ),
    Cell(
        name=f"D14 {_MISSING.name}: imputation",
        method="imputation",
        draw=partial(_rollout, imputation, _MISSING),
        promise="conservative",
        reason=_GAPS,
    ),
    *(
        Cell(
            name=f"D14 {n_treated} of {n} clusters of unequal size, randomized",
            method="cluster_randomized",
            draw=partial(_experiment, n_treated, n),
        )
        for n_treated, n in ((3, 10), (5, 10), (5, 20))
    ),
    *(
        Cell(
            name=f"D15 shares of {rates[0]:.1%} of {sizes[0]} and {rates[1]:.1%} of {sizes[1]}",
            method="difference_in_means",
            draw=partial(_shares, rates, sizes),
            promise="conservative",
            reason=_DISCRETE,
        )
        for rates, sizes in (
            ((0.005, 0.005), (400, 400)),
            ((0.02, 0.005), (200, 1_000)),
            ((0.97, 0.99), (150, 150)),
        )
    ),
)
