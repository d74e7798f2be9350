"""One experiment, read in several ways: the pre-registered reading beside those that allow peeking.

The fixed interval is right once, at the end that was planned. The anytime-valid one is right at
all looks together and goes on dashboards; O'Brien-Fleming's is right at planned looks. Both are
shown beside the fixed one ("hybrid"), so that nobody has to choose after seeing the data.

Source: `aivalue.effects.sequential.always_valid` and `aivalue.effects.sequential.group_sequential`.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.arms.power import minimum_detectable
from aivalue.effects.effect import Effect
from aivalue.effects.functional import average
from aivalue.effects.sequential.asymptotic_sequence import anytime_margin
from aivalue.effects.student_t import t_quantile
from aivalue.kpis.interval import Interval

POWER = 0.80
# Where no size was registered. Any number fixed beforehand keeps the guarantee, and none taken from
# the data does; ten times off costs a quarter of the width, a thousand times below a quarter too.
SUBJECTS_DEFAULT = 1_000
CLUSTERS_DEFAULT = 100
_BY_CLUSTER = {"difference_in_means_by_unit", "cluster_randomized", "switchback"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """Readings of one figure, all around the same point.

    Attributes
    ----------
    fixed : Interval
        Right for one reading, at the planned end.
    anytime : Interval
        Right at all readings together.
    planned_look : Interval or None
        Right at this one of the planned looks.
    detectable : float
        Effect that the fixed reading finds in 80 % of cases.
    n_best : float
        Subjects at which the anytime interval is narrowest, beside as many looks as one likes.
    ratio_test : Interval or None
        Right at all readings together, too, by the mixture sequential probability ratio test.
    """

    fixed: Interval
    anytime: Interval
    planned_look: Interval | None
    detectable: float
    n_best: float
    ratio_test: Interval | None = None


def monitored(
    effect: Effect,
    *,
    n_planned: float | None = None,
    look: tuple[int, int] | None = None,
    expected_size: float | None = None,
) -> Monitored:
    """Read a randomized effect.

    Parameters
    ----------
    n_planned
        Subjects (or clusters) of both arms at the planned end, as they were registered before there
        was anything to see; None is a default. Never a number that follows from the data: at all
        looks together the interval is right only while its tuning stays what it was.
    look
        This look and how many are planned in all, equally spaced.
    expected_size : > 0, or None
        Deviation of effects that one expects, fixed beforehand: what the ratio test mixes over.
    """
    fixed = average(effect)
    n = float(effect.n_treated + effect.n_control)
    alpha = 1 - fixed.confidence
    n_best = default_size(effect.estimator) if n_planned is None else float(n_planned)
    margin = _anytime_margin(fixed, n, n_best=n_best, alpha=alpha)
    # With few subjects the t quantile, not the normal one, says how sure one reading is.
    small_sample = t_quantile(1 - alpha / 2, effect.degrees_of_freedom) / t_quantile(
        1 - alpha / 2, np.inf
    )
    planned = None
    if look is not None:
        planned = _around(fixed, _planned_quantile(look, alpha) * fixed.standard_error)
    return Monitored(
        fixed=fixed,
        anytime=_around(fixed, margin * small_sample),
        planned_look=planned,
        detectable=minimum_detectable(
            fixed.standard_error,
            degrees_of_freedom=effect.degrees_of_freedom,
            confidence=fixed.confidence,
            power=POWER,
        ),
        n_best=n_best,
        ratio_test=(
            None
            if expected_size is None
            else _around(fixed, _ratio_margin(fixed, expected_size, alpha) * small_sample)
        ),
    )


def default_size(estimator: str) -> float:
    """Return the size that the anytime interval is tuned to where none was registered."""
    return float(CLUSTERS_DEFAULT if estimator in _BY_CLUSTER else SUBJECTS_DEFAULT)


def _anytime_margin(fixed: Interval, n: float, *, n_best: float, alpha: float) -> float:
    error, subjects = np.asarray(fixed.standard_error), np.asarray(n)
    return float(anytime_margin(error, subjects, n_best=n_best, alpha=alpha))


def _ratio_margin(fixed: Interval, expected_size: float, alpha: float) -> float:
    # As long to import as an estimate takes: only who names a size pays for it.
    from aivalue.effects.sequential.always_valid import ratio_test_margin

    error = np.asarray(fixed.standard_error)
    return float(ratio_test_margin(error, prior_scale=expected_size, alpha=alpha))


def _planned_quantile(look: tuple[int, int], alpha: float) -> float:
    # It takes a quarter of a second to import: only who plans looks pays for it.
    from aivalue.effects.sequential.group_sequential import obrien_fleming

    this, n_looks = look
    if not 1 <= this <= n_looks:
        raise ValueError(f"look {this} of {n_looks} planned ones")
    return float(obrien_fleming(n_looks, alpha=alpha)[this - 1])


def _around(fixed: Interval, margin: float) -> Interval:
    return Interval(
        point=fixed.point,
        low=fixed.point - margin,
        high=fixed.point + margin,
        standard_error=fixed.standard_error,
        confidence=fixed.confidence,
    )
