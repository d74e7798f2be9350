"""How far back a series may remember, as its history leaves it open.

A short history is compatible with many autocorrelations, and the noise of a step depends much on
which it is. Each one of a grid is weighed by its restricted likelihood, as the estimator itself
does, and brings the deviation that fits it. Where the history speaks for a level that wanders,
walks under noise are weighed beside them.

Source: Harville (1974), Biometrika 61(2), for the restricted likelihood read as a posterior.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from aivalue.effects.error_models.random_walk import STEP_SHARES, WALKS_FROM, walked_off
from aivalue.effects.error_models.wandering import POSITIVE, STRONG, fits
from aivalue.effects.panel import Floats
from aivalue.effects.planning.shape import shape_of, whitened
from aivalue.errors import NotEstimable

GRID = tuple(float(each) for each in np.round(np.arange(-0.40, 0.985, 0.02), 2))
FREE_MIN = 5
POSSIBLE = 1e-4  # Of the most probable: less than this moves no figure.


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """How a series errs, and how probable that is.

    Attributes
    ----------
    deviation : float
        Of the noise, with this autocorrelation.
    step_share : float
        Variance of a step of the level over that of the noise; 0 where the level stands.
    """

    autocorrelation: float
    deviation: float
    probability: float
    step_share: float = 0.0

    def freed(self, columns: Floats) -> Floats:
        """Take off what the past says, over the deviation: each row one surprise."""
        if self.step_share == 0:
            return whitened(columns, self.autocorrelation)
        position = np.arange(len(columns), dtype=np.float64)
        white, _ = walked_off(columns, position, np.array([self.step_share]))
        freed: Floats = white[0]
        return freed


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A number with the ends between which it lies with this probability."""

    point: float
    low: float
    high: float
    probability: float


def left_open(
    outcome: Floats,
    seasons: tuple[float, ...],
    *,
    has_trend: bool,
    controls: Floats | None = None,
    is_steady: bool = False,
) -> tuple[Memory, ...]:
    """Weigh how a series may err: standing, and wandering too where the history speaks for it.

    Parameters
    ----------
    controls : shape (n, n_controls), or None
    is_steady
        Somebody answers for a level that does not wander; then only strong evidence counts.
    """
    standing = memories_of(outcome, seasons, has_trend=has_trend, controls=controls)
    shape = shape_of(len(outcome), seasons, has_trend=has_trend, controls=controls)
    odds = fits(outcome, shape, np.arange(len(outcome), dtype=np.float64)).odds
    if odds <= (STRONG if is_steady else POSITIVE):
        return standing
    shares = {False: 1 / (1 + odds), True: odds / (1 + odds)}
    return tuple(
        replace(each, probability=each.probability * shares[each.step_share > 0])
        for each in (*standing, *_walks_of(outcome, shape))
    )


def odds_of_a_walk(memories: Sequence[Memory]) -> float:
    """Return how many times as likely as that the level stands it is that it wanders."""
    wanders = sum(each.probability for each in memories if each.step_share > 0)
    return wanders / max(sum(each.probability for each in memories) - wanders, POSSIBLE)


def memories_of(
    outcome: Floats,
    seasons: tuple[float, ...],
    *,
    has_trend: bool,
    controls: Floats | None = None,
) -> tuple[Memory, ...]:
    """Weigh autocorrelations of a series about its level, trend, seasons and controls.

    Raises
    ------
    NotEstimable
        Fewer than five periods beyond the columns of the shape, or nothing varies.
    """
    shape = shape_of(len(outcome), seasons, has_trend=has_trend, controls=controls)
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


def _walks_of(outcome: Floats, shape: Floats) -> list[Memory]:
    """Weigh how fast the level wanders, of those speeds that the estimator takes for walks."""
    share = np.array([each for each in STEP_SHARES if each >= WALKS_FROM])
    position = np.arange(len(outcome), dtype=np.float64)
    white, size = walked_off(np.column_stack([outcome, shape]), position, share)
    free = len(outcome) - shape.shape[1]
    found = []
    for columns, of_size in zip(white, size, strict=True):
        triangle = np.abs(np.diag(np.linalg.qr(columns[:, 1:], mode="r")))
        squares = _left_over(columns)
        found.append(
            (-(of_size + 2 * np.log(triangle).sum() + free * np.log(squares)) / 2, squares)
        )
    likelihood, squares = np.array(found).T
    weight = np.exp(likelihood - likelihood.max())
    return [
        Memory(autocorrelation=0.0, deviation=float(deviation), probability=float(p), step_share=at)
        for at, deviation, p in zip(
            share.tolist(), np.sqrt(squares / free), weight / weight.sum(), strict=True
        )
        if p > POSSIBLE
    ]


def _left_over(columns: Floats) -> float:
    """Return the squares of the first column that the others do not explain."""
    basis, _ = np.linalg.qr(columns[:, 1:])
    return float(columns[:, 0] @ columns[:, 0] - ((basis.T @ columns[:, 0]) ** 2).sum())


def autocorrelation_of(memories: Sequence[Memory], *, probability: float = 0.9) -> Range:
    """Return the mean autocorrelation, of a level that stands, with the middle of its range."""
    standing = [each for each in memories if each.step_share == 0]
    memory, weight = np.array([(each.autocorrelation, each.probability) for each in standing]).T
    weight = weight / weight.sum()
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
