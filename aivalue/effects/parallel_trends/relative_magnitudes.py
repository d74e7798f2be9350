"""Effects that remain possible if drift goes on after go-live as it went before: RM intervals.

Parallel trends may be off by a drift whose steps after go-live are at most M times its largest step
before. Then the figure is off by at most M times that step times its mean distance from go-live, in
either direction. Which step is the largest is not known, so every candidate is a set of moment
inequalities in jointly normal estimates, without nuisance parameters because only the figure's own
drift matters. An effect is kept if the conditional and least-favourable hybrid test of at least one
set keeps it: conditional on which inequality is most violated, the violation is a truncated normal.

Source: Rambachan & Roth (2023), "A More Credible Approach to Parallel Trends", REStud 90(5)
2555-2591, sections 2.4.1 and 3.2 (C-LF); Andrews, Roth & Pakes (2023), "Inference for Linear
Conditional Moment Inequalities", REStud 90(6) 2763-2791, for the test.
"""

import math
from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Booleans, Floats
from aivalue.effects.student_t import NORMAL, t_quantile
from aivalue.errors import NotEstimable

FIRST_STAGE_SHARE = 0.1  # Of the test's size, for the least favourable case.
GRID = 400
ROUNDS = 4
FAR = 12.0  # Errors beyond what the drift as estimated allows, within which the ends lie.
_erfc = np.frompyfunc(math.erfc, 1, 1)
PERFECT = 1 - 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A figure, and the steps by which treated units drifted apart before go-live.

    Attributes
    ----------
    steps : shape (n_steps,)
        Between adjoining blocks of time before go-live; the figure is since the last of them.
    covariance : shape (1 + n_steps, 1 + n_steps)
        Of the figure and the steps, as Student's t with `free` degrees of freedom reads it.
    distance : float
        Mean distance of the figure's periods from the last block before, in blocks.
    curvature : float
        What a bend of one in every block since adds to the figure: of a period k blocks off it is
        1 + 2 + ... + k, on average over its periods.
    """

    figure: float
    steps: Floats
    covariance: Floats
    distance: float
    curvature: float = 1.0
    free: float = float("inf")


def interval_under_drift(
    drift: Drift, *, times: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the lowest and highest effect that steps of `times` the largest before leave possible.

    Parameters
    ----------
    times : >= 0
        M, of which 1 allows after go-live what was seen before.

    Raises
    ------
    NotEstimable
        A step has no uncertainty, or no effect is kept: the drift is of no such kind.
    """
    covariance = as_normal(drift, confidence)
    error = np.sqrt(np.diag(covariance))
    far = times * drift.distance * float(np.abs(drift.steps).max() + FAR * error[1:].max())
    far += FAR * float(error[0])
    coarse = drift.figure + far * np.linspace(-1.0, 1.0, 2 * GRID + 1)

    def kept(effects: Floats) -> Floats:
        return effects[are_possible(drift, effects, times=times, confidence=confidence)]

    found = kept(coarse)
    if not len(found):
        raise NotEstimable("no effect is possible under drifts of this kind")
    low, high, width = float(found[0]), float(found[-1]), far / GRID
    for _ in range(ROUNDS):
        ends = np.linspace(0.0, width, 11)
        low = float(kept(low - ends).min(initial=low))
        high = float(kept(high + ends).max(initial=high))
        width /= 10
    return low, high


def are_possible(
    drift: Drift, effects: Floats, *, times: float, confidence: float = 0.95
) -> Booleans:
    """Return which effects are not rejected; as `interval_under_drift`."""
    alpha, n_steps = 1 - confidence, len(drift.steps)
    covariance = as_normal(drift, confidence)
    steps = np.broadcast_to(drift.steps, (len(effects), n_steps))
    seen = np.column_stack([drift.figure - effects, steps])
    possible = np.zeros(len(effects), dtype=bool)
    for largest in range(n_steps):
        for sign in (1.0, -1.0):
            rows = _inequalities(n_steps, largest, sign, times * drift.distance)
            possible |= _Test.of(rows, covariance, alpha=alpha).keeps(seen, alpha=alpha)
    return possible


def as_normal(drift: Drift, confidence: float) -> Floats:
    """Return the covariance with which a normal reaches as far as Student's t does.

    Raises
    ------
    NotEstimable
        A figure or a step has no uncertainty.
    """
    if not np.diag(drift.covariance).min() > 0:
        raise NotEstimable("a figure or a step before go-live has no uncertainty")
    tail = (1 + confidence) / 2
    covariance: Floats = (
        drift.covariance * (t_quantile(tail, drift.free) / t_quantile(tail, np.inf)) ** 2
    )
    return covariance


def _inequalities(n_steps: int, largest: int, sign: float, times: float) -> Floats:
    """Return what must not be positive where this step, of this sign, is the largest."""
    bound = np.zeros(1 + n_steps)
    bound[1 + largest] = sign
    figure = np.eye(1 + n_steps)[:1]
    others = np.eye(1 + n_steps)[1:]
    rows = np.concatenate(
        [figure - times * bound, -figure - times * bound, others - bound, -others - bound]
    )
    told: Floats = rows[(rows != 0).any(axis=1)]
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """Moments of unit variance that should not be positive.

    Attributes
    ----------
    rows : shape (n_moments, n_estimates), correlation : shape (n_moments, n_moments)
    limit : float
        What the largest exceeds with the first stage's size where all are zero.
    """

    rows: Floats
    correlation: Floats
    limit: float

    @classmethod
    def of(cls, rows: Floats, covariance: Floats, *, alpha: float) -> "_Test":
        error = np.sqrt(np.einsum("ja,ab,jb->j", rows, covariance, rows))
        varies = error > 0
        rows = rows[varies] / error[varies][:, None]
        # Bonferroni's, which is a bit more than the least favourable case's own: four estimates
        # that lean on each other give 3.12 where it gives 3.19.
        limit = NORMAL.inv_cdf(1 - FIRST_STAGE_SHARE * alpha / len(rows))
        return cls(rows=rows, correlation=rows @ covariance @ rows.T, limit=limit)

    def keeps(self, seen: Floats, *, alpha: float) -> Booleans:
        """Return which rows of estimates the hybrid test does not reject."""
        moments = seen @ self.rows.T
        at = moments.argmax(axis=1)
        largest = moments[np.arange(len(moments)), at]
        # What is left of the others is independent of the largest, and bounds it from below.
        together = self.correlation[at]
        left = moments - together * largest[:, None]
        is_other = together < PERFECT
        floor = np.where(is_other, left / np.where(is_other, 1 - together, 1.0), -np.inf)
        first = FIRST_STAGE_SHARE * alpha
        second = (alpha - first) / (1 - first)
        tail = upper_tail(np.array([self.limit]))
        beyond = np.maximum(upper_tail(floor.max(axis=1)), tail)
        is_likely = upper_tail(largest) >= tail + second * (beyond - tail)
        keeps: Booleans = (largest <= self.limit) & (is_likely | (largest <= 0))
        return keeps


def upper_tail(value: Floats) -> Floats:
    """Return the probability that a standard normal exceeds each value, without loading scipy."""
    return np.asarray(_erfc(value / math.sqrt(2)), np.float64) / 2
