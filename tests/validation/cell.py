"""A situation in which intervals are put to the test, and what is promised there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from aivalue.effects.effect import Effect
from aivalue.effects.functional import average

Promise = Literal["exact", "conservative", "guarded"]
WIDTH_MAX = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One simulated estimate: what it said, what was true, and what perfect knowledge would say.

    Attributes
    ----------
    low, high : NaN where the estimate was refused
    is_flagged : bool
        A check failed, so the grade fell; or the estimate was refused.
    """

    low: float
    high: float
    truth: float
    oracle_width: float | None = None
    is_flagged: bool = False


Draw = Callable[[np.random.Generator], Reading]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One situation.

    Attributes
    ----------
    peers : str
        Coverage in percent that peers reached in it, as measured once with their defaults; empty
        where none was measured.
    promise : Promise
        exact: 93 to 97 % are covered. conservative: more may be. guarded: at most 6.5 % are
        neither covered nor flagged.
    reason : str
        Why it is not exact.
    bias_max : float
        Largest bias, in the outcome's unit.
    width_max : float
        Largest median width, in widths of one who knows the errors' covariance.
    flagged_max : float
        Largest share that checks may demote: where an effect is plain, doubt must not win.
    """

    name: str
    method: str
    draw: Draw = field(repr=False)
    peers: str = ""
    promise: Promise = "exact"
    reason: str = ""
    bias_max: float = float("inf")
    width_max: float = WIDTH_MAX
    flagged_max: float = 1.0

    def __post_init__(self) -> None:
        if (self.promise == "exact") == bool(self.reason):
            raise ValueError(f"{self.name}: a cell that is not exact, and only such, has a reason")


def reading_of(effect: Effect, truth: float, width: float | None = None) -> Reading:
    """Read the average over the periods."""
    figure = average(effect)
    return Reading(low=figure.low, high=figure.high, truth=truth, oracle_width=width)
