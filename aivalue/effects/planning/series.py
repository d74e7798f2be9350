"""One series, before and after: least squares on its shape, with errors that remember.

The interval is the one that the estimator will publish: it does not know how long errors remember,
nor that the level does not wander, and what it does not know costs what it will cost. Errors
remember as they are said to, or as a history leaves it open.

Source: Box & Tiao (1975), JASA 70(349); Zhang, Wagner, Soumerai & Ross-Degnan (2009), Journal of
Clinical Epidemiology 62(2), for power of interrupted series.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from aivalue.effects.autoregression import FREE_MIN
from aivalue.effects.panel import Floats
from aivalue.effects.planning.memories import Memory, autocorrelation_of
from aivalue.effects.planning.published import drawn
from aivalue.effects.planning.shape import shape_of
from aivalue.effects.planning.trial import (
    Lever,
    Noise,
    Trial,
    require_correlation,
    require_positive,
)
from aivalue.effects.student_t import t_quantile
from aivalue.effects.wandering import POSITIVE, fits
from aivalue.errors import NotEstimable

BEFORE_LEAST = 20  # As the estimator wants it.
PERIODS_MOST = 2_000
AS_GIVEN = "the series remembers as given; the estimate has to learn it"
AS_LEARNT = "the series remembers as its history does, for as long as that leaves open"
ANSWERED_FOR = "somebody answers for a level that does not wander"
OPEN = "the level does not wander, and nobody answers for it: the interval allows for it"


def by_series(  # noqa: PLR0913 - one parameter per number that a plan of a series takes
    deviation: float,
    *,
    before: int,
    periods: int | None = None,
    autocorrelation: float = 0.0,
    seasons: tuple[float, ...] = (),
    has_trend: bool = False,
    level: float | None = None,
    memories: Sequence[Memory] = (),
    is_steady: bool = False,
    confidence: float = 0.95,
) -> Trial:
    """Plan an interrupted time series.

    Parameters
    ----------
    deviation : float
        Of one period about level, trend and seasons; about the control series too, if there are.
    memories : what a history leaves possible
        In the place of deviation and autocorrelation, which are otherwise taken as known.
    is_steady
        Somebody answers for a level that does not wander.
    """
    is_known = not memories
    memories = memories or (
        Memory(autocorrelation=autocorrelation, deviation=deviation, probability=1.0),
    )
    require_positive(deviation=deviation)
    require_correlation(autocorrelation=autocorrelation)
    if before < BEFORE_LEAST:
        raise NotEstimable(
            f"{before} periods before the AI, needs {BEFORE_LEAST}", verdict="below_sample_floor"
        )

    @lru_cache
    def noise(size: int) -> Noise:
        design = _design(before, size, seasons, has_trend=has_trend)
        return _noise(design, memories, confidence=confidence, is_steady=is_steady)

    return Trial(
        kind="series",
        estimator="interrupted_time_series",
        level=level,
        levers=(_periods(periods, noise),),
        effect_max=math.inf,
        assumes=(
            "what held before goes on: level, trend, seasons and their noise",
            AS_GIVEN if is_known else AS_LEARNT,
            ANSWERED_FOR if is_steady else OPEN,
        ),
        autocorrelation=None if is_known else autocorrelation_of(memories),
    )


def doubted_by(
    trial: Trial, history: Floats, seasons: tuple[float, ...], *, has_trend: bool
) -> Trial:
    """Say so where the history speaks for a level that wanders, which the plan leaves out."""
    n = len(history)
    odds = fits(history, shape_of(n, seasons, has_trend=has_trend), np.arange(n, dtype=float)).odds
    if odds <= POSITIVE:
        return trial
    said = f"but its history makes a level that wanders {odds:.2g} times as likely: then it is less"
    return replace(trial, assumes=(*trial.assumes, said))


def _periods(planned: int | None, noise: Callable[[int], Noise]) -> Lever:
    return Lever(
        name="periods",
        planned=planned,
        least=1,
        most=PERIODS_MOST,
        noise=lambda size, _: noise(size),
    )


def _design(before: int, size: int, seasons: tuple[float, ...], *, has_trend: bool) -> Floats:
    """Return the step first, then level, trend and seasons."""
    step = (np.arange(before + size) >= before).astype(np.float64)
    return np.column_stack([step, shape_of(before + size, seasons, has_trend=has_trend)])


def _noise(
    design: Floats, memories: Sequence[Memory], *, confidence: float, is_steady: bool
) -> Noise:
    """Return how the published interval of the design's first coefficient would come out."""
    free = len(design) - design.shape[1]
    if free < FREE_MIN or np.linalg.matrix_rank(design) < design.shape[1]:
        raise NotEstimable(
            f"{len(design)} periods cannot tell the AI from trend and seasons",
            verdict="below_sample_floor",
        )
    found = drawn(design, memories, confidence=confidence, is_steady=is_steady)
    quantile = t_quantile((1 + confidence) / 2, float(free))
    typical = float(np.median(found.margin)) / quantile
    return Noise(
        standard_error=typical,
        null_error=typical,
        degrees_of_freedom=float(free),
        power=found.power,
    )
