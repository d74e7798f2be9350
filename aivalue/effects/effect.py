"""An estimated effect: a vector over calendar periods with its covariance.

Free of numpy so that any service can read one. Every figure finance asks for (a month, a year,
a total) is a linear functional of the vector, so intervals stay right when numbers are added up.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Design = Literal["randomized", "staggered", "few_treated", "series_only"]
Matrix = tuple[tuple[float, ...], ...]
Scale = Literal["additive", "proportional"]
Verdict = Literal[
    "confirmed", "inconclusive", "negative", "too_early", "below_sample_floor", "unverifiable"
]
Grade = Literal["A", "B", "C", "D"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Half-open window of business days, [start, end)."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"period must start before it ends, got {self.start} to {self.end}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Effect of AI on the treated, per calendar period, in the KPI's own unit.

    Attributes
    ----------
    periods : length n_periods
        In time order, without overlap; usually calendar months.
    point : length n_periods
        With AI minus without, per unit of volume; negative means the KPI fell.
    covariance : n_periods x n_periods
        Of `point`; symmetric, positive semi-definite.
    volume : length n_periods, >= 0
        What the effect applies to in the period: treated events, treated denominator units,
        or treated unit-days. `point` times `volume` is a total in the KPI's unit.
    observed : length n_periods
        Level of the KPI on the treated. `observed` minus `point` is the level without AI.
    degrees_of_freedom : float
        Of the t distribution behind the intervals; `inf` for the normal.
    confidence : float
        Coverage the run asked for, in (0, 1).
    n_treated, n_control : int
        Randomized or rolled-out entities behind the estimate (units, or events if those were
        randomized); control is 0 for a series without controls.
    observed_covariance, cross_covariance : n_periods x n_periods
        Of `observed`, and of `point` (rows) with `observed` (columns): what a relative effect
        needs besides. None where the observed level is taken as given.
    """

    periods: tuple[Period, ...]
    point: tuple[float, ...]
    covariance: Matrix
    volume: tuple[float, ...]
    observed: tuple[float, ...]
    degrees_of_freedom: float
    confidence: float
    n_treated: int
    n_control: int
    design: Design
    scale: Scale
    estimator: str
    estimator_version: str
    observed_covariance: Matrix | None = None
    cross_covariance: Matrix | None = None

    def __post_init__(self) -> None:
        n_periods = len(self.periods)
        for name in ("point", "covariance", "volume", "observed"):
            if len(getattr(self, name)) != n_periods:
                seen = len(getattr(self, name))
                raise ValueError(f"{name} has {seen} entries, needs {n_periods}")
        for name in ("covariance", "observed_covariance", "cross_covariance"):
            matrix = getattr(self, name)
            if matrix is not None and [len(row) for row in matrix] != [n_periods] * n_periods:
                raise ValueError(f"{name} must be {n_periods} x {n_periods}")
        if (self.observed_covariance is None) != (self.cross_covariance is None):
            raise ValueError("observed_covariance and cross_covariance go together")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must lie in (0, 1), got {self.confidence}")
