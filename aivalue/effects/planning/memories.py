"""How far back a series may remember, as its history leaves it open.

A short history is compatible with many autocorrelations, and the noise of a step depends much on
which it is. Each one of a grid is weighed by its restricted likelihood, as the estimator itself
does, and brings the deviation that fits it.

Source: Harville (1974), Biometrika 61(2), for the restricted likelihood read as a posterior.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.effects.planning.shape import shape_of, whitened
from aivalue.errors import NotEstimable

GRID = tuple(float(each) for each in np.round(np.arange(-0.40, 0.985, 0.02), 2))
FREE_MIN = 5
POSSIBLE = 1e-4  # Of the most probable: less than this moves no figure.


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """An autocorrelation with the deviation that goes with it, and how probable both are."""

    autocorrelation: float
    deviation: float
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A number with the ends between which it lies with this probability."""

    point: float
    low: float
    high: float
    probability: float


def memories_of(
    outcome: Floats, seasons: tuple[float, ...], *, has_trend: bool
) -> tuple[Memory, ...]:
    """Weigh autocorrelations of a series about its level, trend and seasons.

    Raises
    ------
    NotEstimable
        Fewer than five periods beyond the columns of the shape, or nothing varies.
    """
    shape = shape_of(len(outcome), seasons, has_trend=has_trend)
    free = len(outcome) - shape.shape[1]
    if free < FREE_MIN:
        raise NotEstimable(
            f"{len(outcome)} periods, needs {shape.shape[1] + FREE_MIN}",
            verdict="below_sample_floor",
        )
    columns = np.column_stack([outcome, shape])
    found = [_likelihood(columns, memory, free) for memory in GRID]
    likelihood, variance = np.array(found).T
    weight = np.exp(likelihood - likelihood.max())
    weight[weight < POSSIBLE] = 0.0
    weight /= weight.sum()
    return tuple(
        Memory(autocorrelation=memory, deviation=float(np.sqrt(each)), probability=float(share))
        for memory, each, share in zip(GRID, variance, weight, strict=True)
        if share > 0
    )


def autocorrelation_of(memories: Sequence[Memory], *, probability: float = 0.9) -> Range:
    """Return the mean autocorrelation with the middle of its distribution."""
    memory, weight = np.array([(each.autocorrelation, each.probability) for each in memories]).T
    below = np.cumsum(weight)
    tail = (1 - probability) / 2
    return Range(
        point=float(memory @ weight),
        low=float(memory[np.searchsorted(below, tail)]),
        high=float(memory[min(int(np.searchsorted(below, 1 - tail)), len(memory) - 1)]),
        probability=probability,
    )


def _likelihood(columns: Floats, memory: float, free: int) -> tuple[float, float]:
    """Return the restricted log likelihood of an autocorrelation, and the variance it implies."""
    white = whitened(columns, memory)
    triangle = np.linalg.qr(white[:, 1:], mode="r")
    basis = np.asarray(np.linalg.inv(triangle), np.float64).T @ white[:, 1:].T
    squares = float(white[:, 0] @ white[:, 0] - ((basis @ white[:, 0]) ** 2).sum())
    if not squares > 1e-20 * float(white[:, 0] @ white[:, 0]):
        raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
    size = (len(columns) - 1) * np.log(1 - memory**2)
    size += 2 * np.log(np.abs(np.diag(triangle))).sum()
    return float(-(size + free * np.log(squares)) / 2), squares / free
