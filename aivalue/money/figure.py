"""A financial figure that names its formula, and says why where it has no answer."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from aivalue.errors import NotComputable


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of an initiative.

    Attributes
    ----------
    formula :
        Id of the convention, such as "roi.undiscounted"; docs/methods/cash_flow.md lists them.
    value :
        None where the formula has no answer; never 0 for that.
    low, high :
        The figure at the ends of the interval of value; None where it is not computed there.
    reason :
        Stable code, present exactly where `value` is None.
    """

    formula: str
    value: Decimal | None
    low: Decimal | None = None
    high: Decimal | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != (self.reason is not None):
            raise ValueError(f"{self.formula} needs either a value or a reason")


def figure(
    formula: str,
    compute: Callable[[], Decimal],
    *,
    low: Callable[[], Decimal] | None = None,
    high: Callable[[], Decimal] | None = None,
) -> Figure:
    """Compute a figure and its ends; what has no answer becomes None, with the point's reason."""
    try:
        value = compute()
    except NotComputable as refusal:
        return Figure(
            formula=formula,
            value=None,
            low=_answer(low),
            high=_answer(high),
            reason=refusal.reason,
        )
    return Figure(formula=formula, value=value, low=_answer(low), high=_answer(high))


def _answer(compute: Callable[[], Decimal] | None) -> Decimal | None:
    if compute is None:
        return None
    try:
        return compute()
    except NotComputable:
        return None
