"""An effect made ready for pricing: exact, times its volume, and signed so that better is positive.

The same shape carries a known truth (a simulation, a ledger count), which has no variance; so the
arithmetic that prices an estimate is the arithmetic that is tested against the truth.
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from aivalue.effects.effect import Effect, Grade, Period
from aivalue.kpis.plan import BetterWhen
from aivalue.money.exact import decimal_of

LOWER_BOUND_CONFIDENCE = 0.90


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Of the distribution behind an effect (Student t with its degrees of freedom).

    Attributes
    ----------
    two_sided : at (1 + confidence) / 2
        Half width of the interval, in standard errors.
    lower_bound : at `LOWER_BOUND_CONFIDENCE`
        Distance of the one-sided bound that finance may book, in standard errors.
    """

    two_sided: float
    lower_bound: float

    def __post_init__(self) -> None:
        if not (self.two_sided > 0 and self.lower_bound > 0):
            raise ValueError(f"quantiles must be positive, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """How much better a KPI's total got in each period; a worsening is negative.

    Attributes
    ----------
    quantity : length n_periods
        In the KPI's unit times volume: minutes for a KPI in minutes per hour.
    covariance : n_periods x n_periods
        Of `quantity`; all zero for a known truth.
    two_sided, lower_bound :
        Quantiles as in `Quantiles`.
    grade :
        Evidence behind it; None for a known truth, which no risk adjustment lowers.
    """

    kpi: str
    periods: tuple[Period, ...]
    quantity: tuple[Decimal, ...]
    covariance: tuple[tuple[Decimal, ...], ...]
    two_sided: Decimal
    lower_bound: Decimal
    confidence: Decimal
    grade: Grade | None

    def __post_init__(self) -> None:
        n_periods = len(self.periods)
        if len(self.quantity) != n_periods or len(self.covariance) != n_periods:
            seen = len(self.quantity), len(self.covariance)
            raise ValueError(f"{self.kpi}: {n_periods} periods but {seen} quantities, covariances")
        if any(earlier.end > later.start for earlier, later in pairwise(self.periods)):
            raise ValueError(f"{self.kpi}: periods must be in time order and must not overlap")


def improvement_of(
    effect: Effect, *, kpi: str, better_when: BetterWhen, grade: Grade, quantiles: Quantiles
) -> Improvement:
    """Turn an estimate into the exact quantity that valuation rules price."""
    sign = 1 if better_when == "higher" else -1
    volume = [decimal_of(number) for number in effect.volume]
    return Improvement(
        kpi=kpi,
        periods=effect.periods,
        quantity=tuple(
            sign * decimal_of(point) * size
            for point, size in zip(effect.point, volume, strict=True)
        ),
        # A sign squared is 1: better or worse, the uncertainty is the same.
        covariance=tuple(
            tuple(
                decimal_of(entry) * size * other for entry, other in zip(row, volume, strict=True)
            )
            for row, size in zip(effect.covariance, volume, strict=True)
        ),
        two_sided=decimal_of(quantiles.two_sided),
        lower_bound=decimal_of(quantiles.lower_bound),
        confidence=decimal_of(effect.confidence),
        grade=grade,
    )
