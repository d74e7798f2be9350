"""One series, before and after: least squares on its shape, with errors that remember.

The error of the coefficient is that of generalized least squares. A known autocorrelation makes it
the best that any estimator can do; one that a history leaves open is averaged over, as the
estimator does, so that not knowing it costs what it will cost.

Source: Box & Tiao (1975), JASA 70(349); Zhang, Wagner, Soumerai & Ross-Degnan (2009), Journal of
Clinical Epidemiology 62(2), for power of interrupted series.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from aivalue.effects.dependence import KURTOSIS_FREEDOM, degrees_of_freedom
from aivalue.effects.panel import Floats
from aivalue.effects.planning.memories import Memory, autocorrelation_of
from aivalue.effects.planning.shape import shape_of, whitened
from aivalue.effects.planning.trial import (
    Lever,
    Noise,
    Trial,
    require_correlation,
    require_positive,
    same,
)
from aivalue.errors import NotEstimable

BEFORE_LEAST = 20  # As the estimator wants it.
PERIODS_MOST = 2_000


def by_series(
    deviation: float,
    *,
    before: int,
    periods: int | None = None,
    autocorrelation: float = 0.0,
    seasons: tuple[float, ...] = (),
    has_trend: bool = False,
    level: float | None = None,
    memories: Sequence[Memory] = (),
) -> Trial:
    """Plan an interrupted time series.

    Parameters
    ----------
    deviation : float
        Of one period about level, trend and seasons; about the control series too, if there are.
    memories : what a history leaves possible
        In the place of deviation and autocorrelation, which are otherwise taken as known.
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
    def noise(size: int, _: float) -> Noise:
        columns = shape_of(before + size, seasons, has_trend=has_trend)
        step = (np.arange(before + size) >= before).astype(np.float64)
        design = np.column_stack([step, columns])
        free = len(design) - design.shape[1]
        if free < 1 or np.linalg.matrix_rank(design) < design.shape[1]:
            raise NotEstimable(
                f"{len(design)} periods cannot tell the AI from trend and seasons",
                verdict="below_sample_floor",
            )
        if is_known:
            return same(deviation * math.sqrt(_per_unit(design, autocorrelation)), float(free))
        return _averaged(design, memories, free)

    return Trial(
        kind="series",
        estimator="interrupted_time_series",
        level=level,
        levers=(Lever(name="periods", planned=periods, least=1, most=PERIODS_MOST, noise=noise),),
        effect_max=math.inf,
        assumes=(
            "what held before goes on: level, trend, seasons and their noise",
            "the autocorrelation is as given; learning it costs a little power"
            if is_known
            else "the series remembers as its history does, for as long as that leaves open",
        ),
        autocorrelation=None if is_known else autocorrelation_of(memories),
    )


def _per_unit(design: Floats, memory: float) -> float:
    """Return the step's variance under errors of variance one with this autocorrelation."""
    white = whitened(design, memory)
    return float(np.linalg.inv(white.T @ white)[0, 0])


def _averaged(design: Floats, memories: Sequence[Memory], free: int) -> Noise:
    """Return the Student's t with variance and kurtosis of the average over memories."""
    free = max(free, KURTOSIS_FREEDOM + 1)
    probability = np.array([each.probability for each in memories])
    sizes = np.array(
        [each.deviation**2 * _per_unit(design, each.autocorrelation) for each in memories]
    )
    mean = float(probability @ sizes)
    kurtosis = 3 * (free - 2) / (free - KURTOSIS_FREEDOM)
    freedom = degrees_of_freedom(kurtosis * float(probability @ sizes**2) / mean**2)
    # Variances above are of the errors; those of a t are larger by free / (free - 2).
    scale = mean * free / (free - 2) * (freedom - 2) / freedom
    return same(math.sqrt(scale), freedom)
