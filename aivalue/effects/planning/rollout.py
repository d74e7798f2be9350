"""Units that get the AI beside units that do not, after against before.

Unit and period levels cancel, so that what is left is each unit's own change: the mean of the
periods after less the mean of those before, whose variance an autoregression gives exactly.

Source: Frison & Pocock (1992), Statistics in Medicine 11(13); Burlig, Preonas & Woerman (2020),
"Panel data and experimental design", Journal of Development Economics 144, for errors that
remember.
"""

import math
from collections.abc import Callable
from math import comb

from aivalue.effects.planning.memory import change_variance
from aivalue.effects.planning.trial import Lever, Noise, Trial, require_positive, same
from aivalue.errors import NotEstimable

CONTROLS_LEAST = 2
PERIODS_MOST = 5_200
UNITS_MOST = 10**6
ROUNDING = 1e-9  # 1 - 0.9 is a bit less than 0.1.
ASSUMES = (
    "without the AI all units would move alike, but for their own noise",
    "all units with the AI go live at once; in phases it takes longer",
)


def by_unit(
    deviation: float,
    *,
    units: int,
    treated_units: int,
    before: int,
    periods: int | None = None,
    autocorrelation: float = 0.0,
    level: float | None = None,
    confidence: float = 0.95,
) -> Trial:
    """Plan a difference-in-differences.

    Parameters
    ----------
    deviation : float
        Of one unit in one period, about the levels of both.
    units : int
        With and without the AI together.
    before, periods : int
        Before go-live, and after.

    Raises
    ------
    NotEstimable
        Fewer than two units stay without the AI, or so few can be picked in so few ways that no
        permutation reaches this confidence.
    """
    require_positive(deviation=deviation, treated_units=treated_units, before=before)
    _require_ways(units, treated_units, confidence)
    share = treated_units / units

    def noise_of(n_treated: float, n_periods: int, n_units: int = units) -> Noise:
        change = deviation**2 * change_variance(before, n_periods, autocorrelation)
        error = math.sqrt(change * (1 / n_treated + 1 / (n_units - n_treated)))
        return same(error, float(n_units - 2))

    levers = [_lever("periods", periods, (1, PERIODS_MOST), lambda n: noise_of(treated_units, n))]
    if periods is not None:
        # Beyond half, one control less costs more than one treated unit more brings.
        fewest, half = _fewest(units, confidence), units // 2
        levers += [
            _lever("treated units", treated_units, (fewest, half), lambda n: noise_of(n, periods)),
            _lever(
                "units, as many of them treated",
                units,
                (units, UNITS_MOST),
                lambda n: noise_of(share * n, periods, n),
            ),
        ]
    return Trial(
        kind="rollout",
        estimator="difference_in_differences",
        level=level,
        levers=tuple(levers),
        effect_max=math.inf,
        assumes=ASSUMES,
    )


def _lever(
    name: str, planned: int | None, sizes: tuple[int, int], noise: Callable[[int], Noise]
) -> Lever:
    least, most = sizes
    return Lever(
        name=name, planned=planned, least=least, most=most, noise=lambda size, _: noise(size)
    )


def _require_ways(units: int, treated_units: int, confidence: float) -> None:
    if units - treated_units < CONTROLS_LEAST:
        raise NotEstimable(
            f"{treated_units} of {units} units get the AI, {CONTROLS_LEAST} must stay without"
        )
    if not _are_enough(units, treated_units, confidence):
        raise NotEstimable(
            f"{treated_units} of {units} units can be picked in {comb(units, treated_units)} ways; "
            f"{confidence:.0%} confidence takes {_ways_least(units, treated_units, confidence)}",
            verdict="below_sample_floor",
        )


def _fewest(units: int, confidence: float) -> int:
    enough = (n for n in range(1, units) if _are_enough(units, n, confidence))
    return next(enough, units)


def _are_enough(units: int, n_treated: int, confidence: float) -> bool:
    # Whole numbers: the ways to pick half of two thousand units are no float.
    return comb(units, n_treated) >= _ways_least(units, n_treated, confidence)


def _ways_least(units: int, n_treated: int, confidence: float) -> int:
    """Return how many picks a permutation needs to reach this confidence."""
    # As extreme as the most extreme pick is, of half of all units, its reverse.
    n_extreme = 2 if 2 * n_treated == units else 1
    return math.ceil(n_extreme / (1 - confidence) - ROUNDING)
