"""A figure with its uncertainty, in whatever unit it is. Free of numpy."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its uncertainty: low <= point <= high.

    Attributes
    ----------
    confidence : float
        Coverage of the two-sided interval, in (0, 1).
    """

    point: float
    low: float
    high: float
    standard_error: float
    confidence: float

    def __post_init__(self) -> None:
        if not self.low <= self.point <= self.high:
            raise ValueError(f"interval ({self.low}, {self.high}) misses {self.point}")

    @property
    def excludes_zero(self) -> bool:
        """Whether it claims an effect, in either direction."""
        return not self.low <= 0 <= self.high

    @classmethod
    def around(
        cls, point: float, standard_error: float, *, quantile: float, confidence: float
    ) -> Self:
        """Return the symmetric one; `quantile` is how many standard errors wide each side is."""
        half_width = quantile * standard_error
        return cls(
            point=point,
            low=point - half_width,
            high=point + half_width,
            standard_error=standard_error,
            confidence=confidence,
        )
