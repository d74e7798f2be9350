"""What running one estimator on a table gives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.effect import Effect
from aivalue.effects.error_models.wandering import Levels
from aivalue.effects.front_door.course import Course
from aivalue.effects.front_door.permuted import Permuted
from aivalue.kpis.interval import Interval

Inference = Literal["calibrated", "permutation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run may be told besides the table.

    Attributes
    ----------
    names : names of the table's covariates or control series, in their order
    share_treated : in (0, 1), or None
        Planned share of the treatment arm.
    washout : periods left out after each switch of a switchback
    seasons : lengths in steps, or None
        None reads them from the calendar.
    holidays : days, as ISO dates
    planned_subjects : int or None
        Of both arms at the planned end, fixed before there was anything to see.
    expected_size : > 0, or None
        Deviation of effects that one expects of an experiment: adds the ratio test.
    steady_by : str or None
        Who answers for it that the level of one series does not wander by itself.
    inference : Inference
        What the published interval and p-value rest on: the estimator's covariance, or every
        other choice of who went live.
    """

    confidence: float = 0.95
    names: tuple[str, ...] = ()
    share_treated: float | None = None
    washout: int = 1
    seasons: tuple[float, ...] | None = None
    holidays: tuple[str, ...] = ()
    planned_subjects: int | None = None
    expected_size: float | None = None
    steady_by: str | None = None
    inference: Inference = "calibrated"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnReading:
    """An average whose interval is not as wide on both sides, with the p-value it agrees with.

    Attributes
    ----------
    by_time : the like for each time with the AI, after its name
    """

    average: Interval
    p_value: float
    by_time: tuple[tuple[str, Interval, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """An effect, and what belongs to its estimator: checks, and the course, made when called.

    A rival only has to say its figure: checks take far longer than estimates.

    Attributes
    ----------
    own : OwnReading or None
        What stands in for the figures that the effect's covariance gives.
    permuted : Permuted or None
        Of units that went live beside others, the exact reading.
    levels : Levels or None
        Of one series, the readings between which `effect` was decided.
    unlike : str or None
        Why it contradicts nobody: it compares with what the treated never were like.
    """

    effect: Effect
    doubts: Callable[[], tuple[CheckResult, ...]]
    course: Callable[[], Course]
    own: OwnReading | None = None
    permuted: Permuted | None = None
    levels: Levels | None = None
    unlike: str | None = None
