"""One series, before and after: least squares on its shape, with errors that remember.

The interval is the one that the estimator will publish: it does not know how long errors remember,
nor that the level does not wander, and what it does not know costs what it will cost. Errors
remember as they are said to, or as a history leaves it open.

Source: Box & Tiao (1975), JASA 70(349); Zhang, Wagner, Soumerai & Ross-Degnan (2009), Journal of
Clinical Epidemiology 62(2), for power of interrupted series.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from aivalue.effects.error_models.autoregression import FREE_MIN
from aivalue.effects.panel import Floats
from aivalue.effects.planning.beside import continued
from aivalue.effects.planning.memories import Memory, autocorrelation_of, odds_of_a_walk
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
from aivalue.errors import NotEstimable

BEFORE_LEAST = 20  # As the estimator wants it.
PERIODS_MOST = 2_000
AS_GIVEN = "the series remembers as given; the estimate has to learn it"
AS_LEARNT = "the series remembers as its history does, for as long as that leaves open"
ANSWERED_FOR = "somebody answers for a level that does not wander"
OPEN = "the level does not wander, and nobody answers for it: the interval allows for it"
BESIDE = "control series stay untouched and go on as they did: memory, trend and all"


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
    controls: Floats | None = None,
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
    controls : shape (n, n_controls), or None
        What a history shows of series beside it; then the estimate takes trends from them.
    is_steady
        Somebody answers for a level that does not wander.
    """
    is_known = not memories
    may_stand = any(each.step_share == 0 for each in memories)
    memories = memories or (
        Memory(autocorrelation=autocorrelation, deviation=deviation, probability=1.0),
    )
    require_positive(deviation=deviation)
    require_correlation(autocorrelation=autocorrelation)
    _require_plannable(before, has_trend=has_trend, has_controls=controls is not None)

    @lru_cache
    def noise(size: int) -> Noise:
        paths = [None] if controls is None else continued(controls, before, size)
        designs = [
            _design(before, size, seasons, has_trend=has_trend, controls=path) for path in paths
        ]
        return _noise(designs, memories, confidence=confidence, is_steady=is_steady)

    return Trial(
        kind="series",
        estimator="interrupted_time_series",
        level=level,
        levers=(_periods(periods, noise),),
        effect_max=math.inf,
        assumes=(
            "what held before goes on: level, trend, seasons and their noise",
            AS_GIVEN if is_known else AS_LEARNT,
            _of_level(memories, is_steady=is_steady),
            *(() if controls is None else (BESIDE,)),
        ),
        autocorrelation=autocorrelation_of(memories) if may_stand else None,
    )


def _require_plannable(before: int, *, has_trend: bool, has_controls: bool) -> None:
    if before < BEFORE_LEAST:
        raise NotEstimable(
            f"{before} periods before the AI, needs {BEFORE_LEAST}", verdict="below_sample_floor"
        )
    if has_controls and has_trend:
        raise NotEstimable(
            "control series and a trend: the estimate takes trends from the controls"
        )


def _of_level(memories: Sequence[Memory], *, is_steady: bool) -> str:
    odds = odds_of_a_walk(memories)
    if odds > 0:
        said = (
            f"its history makes a level that wanders {odds:.2g} times as likely as one that stands"
        )
        return f"{said}: series are drawn from both"
    return ANSWERED_FOR if is_steady else OPEN


def _periods(planned: int | None, noise: Callable[[int], Noise]) -> Lever:
    return Lever(
        name="periods",
        planned=planned,
        least=1,
        most=PERIODS_MOST,
        noise=lambda size, _: noise(size),
    )


def _design(
    before: int,
    size: int,
    seasons: tuple[float, ...],
    *,
    has_trend: bool,
    controls: Floats | None,
) -> Floats:
    """Return the step first, then level, trend, seasons and controls."""
    step = (np.arange(before + size) >= before).astype(np.float64)
    shape = shape_of(before + size, seasons, has_trend=has_trend, controls=controls)
    return np.column_stack([step, shape])


def _noise(
    designs: Sequence[Floats], memories: Sequence[Memory], *, confidence: float, is_steady: bool
) -> Noise:
    """Return how the published interval of the designs' first coefficient would come out."""
    n, n_columns = designs[0].shape
    free = n - n_columns
    if free < FREE_MIN or any(np.linalg.matrix_rank(each) < n_columns for each in designs):
        raise NotEstimable(
            f"{n} periods cannot tell the AI from trend, seasons and controls",
            verdict="below_sample_floor",
        )
    found = drawn(designs, memories, confidence=confidence, is_steady=is_steady)
    quantile = t_quantile((1 + confidence) / 2, float(free))
    typical = float(np.median(found.margin)) / quantile
    return Noise(
        standard_error=typical,
        null_error=typical,
        degrees_of_freedom=float(free),
        power=found.power,
    )
