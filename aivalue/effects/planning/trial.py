"""A trial on paper: what its noise would be, by how much of it is bought.

Every kind of trial says its noise as a function of what can be had more of: subjects, clusters,
units with the AI, periods. Power, detectable effects and sizes follow from that alone (`plan`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from aivalue.effects.planning.memories import Range
from aivalue.errors import NotEstimable

Kind = Literal["subjects", "clusters", "switchback", "rollout", "series"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """The uncertainty of an estimate.

    Attributes
    ----------
    standard_error : float
        Under the effect.
    null_error : float
        Under no effect, which is what a test of a share divides by; elsewhere the same.
    degrees_of_freedom : float
        Of Student's t; inf is the normal.
    power : of an effect, or None
        How often the interval excludes zero, where it is not that of one Student's t.
    """

    standard_error: float
    null_error: float
    degrees_of_freedom: float
    power: Callable[[float], float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lever:
    """Something a trial can have more of, all else as planned.

    Attributes
    ----------
    planned : int or None
        None where it is what is asked for.
    least, most : int
        The smallest size that its estimator takes, and the largest looked at.
    noise :
        Of a size, under an effect in the KPI's unit.
    """

    name: str
    planned: int | None
    least: int
    most: int
    noise: Callable[[int, float], Noise]

    def noise_at(self, size: int, effect: float) -> Noise:
        """Return the noise of this size; refuse what is too small."""
        if size < self.least:
            raise NotEstimable(
                f"{size} {self.name} planned, needs {self.least}", verdict="below_sample_floor"
            )
        return self.noise(size, effect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A kind of trial with its levers; as planned, all levers give the same noise.

    Attributes
    ----------
    level : float or None
        Of the KPI without the AI; None where effects are absolute only.
    effect_max : float
        No effect can be larger, as the rise of a share cannot.
    assumes : tuple of sentences
        What the figures rest on, beyond the numbers given.
    autocorrelation : Range or None
        As a history leaves it open; None where it is taken as known.
    """

    kind: Kind
    estimator: str
    level: float | None
    levers: tuple[Lever, ...]
    effect_max: float
    assumes: tuple[str, ...]
    autocorrelation: Range | None = None


def same(standard_error: float, degrees_of_freedom: float) -> Noise:
    """Return noise that the effect does not change."""
    return Noise(
        standard_error=standard_error,
        null_error=standard_error,
        degrees_of_freedom=degrees_of_freedom,
    )


def require_positive(**numbers: float) -> None:
    """Refuse a number that cannot be one."""
    for name, number in numbers.items():
        if not 0 < number < math.inf:
            raise NotEstimable(f"{name} must be positive and finite, got {number:g}")


def require_share(**numbers: float) -> None:
    """Refuse what is not strictly between 0 and 1."""
    for name, number in numbers.items():
        if not 0 < number < 1:
            raise NotEstimable(f"{name} must lie between 0 and 1, got {number:g}")


def require_correlation(**numbers: float) -> None:
    """Refuse a correlation that leaves nothing free."""
    for name, number in numbers.items():
        if not -1 < number < 1:
            raise NotEstimable(f"{name} must lie between -1 and 1, got {number:g}")
