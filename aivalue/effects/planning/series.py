"""One series, before and after: least squares on its shape, with errors that remember.

The error of the coefficient is that of generalized least squares under a known autocorrelation,
the best that any estimator can do; one that learns it needs a little more.

Source: Box & Tiao (1975), JASA 70(349); Zhang, Wagner, Soumerai & Ross-Degnan (2009), Journal of
Clinical Epidemiology 62(2), for power of interrupted series.
"""

import math
from functools import lru_cache

import numpy as np

from aivalue.effects.panel import Floats
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
) -> Trial:
    """Plan an interrupted time series.

    Parameters
    ----------
    deviation : float
        Of one period about level, trend and seasons; about the control series too, if there are.
    """
    require_positive(deviation=deviation)
    require_correlation(autocorrelation=autocorrelation)
    if before < BEFORE_LEAST:
        raise NotEstimable(
            f"{before} periods before the AI, needs {BEFORE_LEAST}", verdict="below_sample_floor"
        )

    @lru_cache
    def error(size: int) -> tuple[float, float]:
        columns = shape_of(before + size, seasons, has_trend=has_trend)
        step = (np.arange(before + size) >= before).astype(np.float64)
        design = whitened(np.column_stack([step, columns]), autocorrelation)
        free = len(design) - design.shape[1]
        if free < 1 or np.linalg.matrix_rank(design) < design.shape[1]:
            raise NotEstimable(
                f"{len(design)} periods cannot tell the AI from trend and seasons",
                verdict="below_sample_floor",
            )
        inverse = np.linalg.inv(design.T @ design)
        return math.sqrt(float(inverse[0, 0])), float(free)

    def noise(size: int, _: float) -> Noise:
        per_unit, free = error(size)
        return same(deviation * per_unit, free)

    return Trial(
        kind="series",
        estimator="interrupted_time_series",
        level=level,
        levers=(Lever(name="periods", planned=periods, least=1, most=PERIODS_MOST, noise=noise),),
        effect_max=math.inf,
        assumes=(
            "what held before goes on: level, trend, seasons and their noise",
            "the autocorrelation is as given; learning it costs a little power",
        ),
    )


def shape_of(n: int, seasons: tuple[float, ...], *, has_trend: bool) -> Floats:
    """Return level, trend and seasons of a series of n periods, as the estimator has them."""
    position = np.arange(n, dtype=np.float64)
    columns = [np.ones(n)]
    if has_trend:
        columns.append(position / n - 0.5)
    for length in seasons:
        if not length >= 2:  # noqa: PLR2004 - a shorter one is not seen from period to period
            raise NotEstimable(f"a season of {length:g} periods is none")
        if length == int(length):
            step = position % length
            columns += [(step == at).astype(np.float64) for at in range(int(length) - 1)]
        else:
            angle = 2 * np.pi * position / length
            columns += [np.sin(angle), np.cos(angle)]
    return np.column_stack(columns)


def whitened(columns: Floats, correlation: float) -> Floats:
    """Take off what the period before says, so that least squares is generalized least squares."""
    scale = math.sqrt(1 - correlation**2)
    after = (columns[1:] - correlation * columns[:-1]) / scale
    return np.concatenate([columns[:1], after])
