"""D3 to D5: few treated units, and rollouts in waves.

Peers: CS and BJS are diff-diff 3.13 with analytic standard errors, CR1 the usual clustered ones.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from aivalue.effects.effect import Effect
from aivalue.effects.estimators.callaway_santanna import callaway_santanna
from aivalue.effects.estimators.difference_in_differences import difference_in_differences
from aivalue.effects.estimators.imputation import imputation
from aivalue.effects.estimators.staggered import StaggeredPanel
from aivalue.effects.panel import Floats, Integers
from tests.validation.cell import Cell, Reading, reading_of
from tests.validation.worlds import NEVER, PERIODS, panel_noise, rollout_of

Estimator = Callable[[Floats, Integers], Effect]


def by_unit(y: Floats, start: Integers) -> Effect:
    """Estimate as the attribution service does for phased rollouts."""
    return difference_in_differences(rollout_of(y, start), scale="additive")


def _panel(y: Floats, start: Integers) -> StaggeredPanel:
    return StaggeredPanel(
        outcome=y,
        first_treated=np.minimum(start, y.shape[1]),
        units=tuple(f"u{row:03d}" for row in range(len(y))),
        periods=PERIODS[: y.shape[1]],
    )


def _imputation(y: Floats, start: Integers) -> Effect:
    return imputation(_panel(y, start))


def _callaway_santanna(y: Floats, start: Integers) -> Effect:
    return callaway_santanna(_panel(y, start))


ESTIMATORS: dict[str, Estimator] = {
    "difference_in_differences": by_unit,
    "imputation": _imputation,
    "callaway_santanna": _callaway_santanna,
}


def _block(
    n_treated: int, correlation: float, rng: np.random.Generator, n_units: int = 40
) -> Reading:
    start = np.array([10] * n_treated + [NEVER] * (n_units - n_treated))
    return reading_of(by_unit(panel_noise(rng, correlation, (n_units, 20)), start), 0.0)


def _staggered(estimator: str, starts: tuple[int, ...], rng: np.random.Generator) -> Reading:
    start = np.array([*starts, *[NEVER] * (40 - len(starts))])
    y = panel_noise(rng, 0.4, (40, 20))
    return reading_of(ESTIMATORS[estimator](y, start), 0.0)


def _growing_effects(estimator: str, rng: np.random.Generator) -> Reading:
    start = rng.permutation(np.repeat([4, 6, 8, NEVER], 50))
    since = np.arange(12) - start[:, None]
    effect = np.where(since >= 0, (1 + since) * np.where(start == 4, 1.0, 0.5)[:, None], 0.0)
    y = panel_noise(rng, 0.0, (200, 12)) + effect
    return reading_of(ESTIMATORS[estimator](y, start), float(effect[since >= 0].mean()))


_BLOCKS = {1: "CR1 24", 2: "CR1 68", 5: "CR1 90", 20: "CR1 95"}
_FEW = (
    ((8, 12), "CS 67, BJS 50"),
    ((8, 11, 14), "CS 75, BJS 67"),
    ((8, 10, 12, 14, 16), "CS 86, BJS 82"),
    ((8, 8, 10, 10, 12, 12, 14, 14, 16, 16), "CS 90, BJS 88"),
)

ROLLOUTS: tuple[Cell, ...] = (
    *(
        Cell(
            name=f"D3 {n_treated} of 40 units treated, correlation {correlation}",
            method="difference_in_differences",
            peers=peers + (", iid OLS 72" if correlation else ""),
            draw=partial(_block, n_treated, correlation),
        )
        for correlation in (0.0, 0.6)
        for n_treated, peers in _BLOCKS.items()
    ),
    *(
        Cell(
            name=f"D3 {n_treated} of 10 units treated, correlation 0.9",
            method="difference_in_differences",
            draw=partial(_block, n_treated, 0.9, n_units=10),
            promise="conservative",
            reason="ten units cannot tell a memory this long from a walk, which is allowed for",
        )
        for n_treated in (3, 5)
    ),
    *(
        Cell(
            name=f"D4 200 units in waves, effects that grow: {estimator}",
            method=estimator,
            peers="two-way fixed effects 0, CS 100, BJS 95.5",
            draw=partial(_growing_effects, estimator),
        )
        for estimator in ESTIMATORS
    ),
    *(
        Cell(
            name=f"D5 {len(starts)} of 40 units treated in waves: {estimator}",
            method=estimator,
            peers=peers,
            draw=partial(_staggered, estimator, starts),
        )
        for estimator in ESTIMATORS
        for starts, peers in _FEW
    ),
)
