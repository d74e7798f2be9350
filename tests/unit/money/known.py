"""An improvement that is known, as a simulation's is: what rules make of it can be worked out."""

from collections.abc import Sequence
from decimal import Decimal

from aivalue.effects.effect import Period
from aivalue.money.improvement import Improvement


def known_improvement(
    *, kpi: str, periods: Sequence[Period], quantity: Sequence[Decimal]
) -> Improvement:
    """Take the improvement as given, without variance."""
    return Improvement(
        kpi=kpi,
        periods=tuple(periods),
        quantity=tuple(quantity),
        covariance=((Decimal(0),) * len(periods),) * len(periods),
        two_sided=Decimal(1),
        lower_bound=Decimal(1),
        confidence=Decimal(1),
        grade=None,
    )
