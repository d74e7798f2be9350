"""A figure about decisions with its uncertainty."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean per decision, in the unit of what decisions bring: low <= point <= high.

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


def estimate_of(
    point: float, standard_error: float, *, quantile: float, confidence: float
) -> Estimate:
    """Return the symmetric interval; `quantile` is how many standard errors wide each side is."""
    return Estimate(
        point=point,
        low=point - quantile * standard_error,
        high=point + quantile * standard_error,
        standard_error=standard_error,
        confidence=confidence,
    )
