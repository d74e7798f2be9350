"""Switchback on paper: units that change arms by turns, in stretches drawn at random.

A stretch is one draw, whose mean over the periods after the washout varies as an autoregression's
does. What neighbouring stretches share is not counted in favour of the trial.

Source: Bojinov, Simchi-Levi & Zhao (2023), Management Science 69(7); `memory` for the means.
"""

import math

from aivalue.effects.planning.memory import mean_variance
from aivalue.effects.planning.trial import Lever, Noise, Trial, require_positive, same
from aivalue.errors import NotEstimable

STRETCHES_LEAST = 8  # The estimator wants four in each arm.
PERIODS_MOST = 10**6
UNITS_MOST = 300


def by_turns(
    deviation: float,
    *,
    stretch: int,
    units: int,
    periods: int | None = None,
    washout: int = 1,
    autocorrelation: float = 0.0,
    level: float | None = None,
) -> Trial:
    """Plan a comparison of stretches with and without the AI inside each unit.

    Parameters
    ----------
    deviation : float
        Of one period about its unit's level.
    stretch : int
        Periods until the arm is drawn again; half of the stretches have the AI.
    """
    require_positive(deviation=deviation, units=units)
    if not 0 <= washout < stretch:
        raise NotEstimable(f"a stretch of {stretch} periods is no longer than the washout")
    variance = deviation**2 * mean_variance(stretch - washout, autocorrelation)

    def noise_of(n_units: int, n_periods: int) -> Noise:
        stretches = n_units * (n_periods // stretch)
        free = max(stretches - n_units - 1, 1)
        return same(math.sqrt(4 * variance / stretches), float(free))

    each = max(math.ceil(STRETCHES_LEAST / units), 2)
    levers = [
        Lever(
            name="periods",
            planned=periods,
            least=each * stretch,
            most=PERIODS_MOST,
            noise=lambda size, _: noise_of(units, size),
        )
    ]
    if periods is not None and periods >= 2 * stretch:
        levers.append(
            Lever(
                name="units",
                planned=units,
                least=math.ceil(STRETCHES_LEAST / (periods // stretch)),
                most=UNITS_MOST,
                noise=lambda size, _: noise_of(size, periods),
            )
        )
    return Trial(
        kind="switchback",
        estimator="switchback",
        level=level,
        levers=tuple(levers),
        effect_max=math.inf,
        assumes=(
            f"an arm is not felt for more than {washout} period(s) after it ends",
            "half of the stretches have the AI, in an order drawn at random",
        ),
    )
