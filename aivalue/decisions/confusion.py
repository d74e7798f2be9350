"""What a model's right and wrong decisions are worth: confusion counts times value per cell.

Sign convention, the only one: an amount is what one decision in that cell brings the business;
gains are positive, losses and costs are negative. A right decision brings at least as much as the
wrong one on the same case; otherwise the signs are mixed up, and the values are refused.

Free of numpy, so any service can read one. Source: Elkan (2001), "The Foundations of Cost-Sensitive
Learning", IJCAI, for the reasonableness condition; Cochran (1977), "Sampling Techniques", 5.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Self

from aivalue.errors import InvalidDefinition, NotEstimable
from aivalue.kpis.interval import Interval

DECISIONS_MIN = 30  # Fewer labelled decisions have no interval worth the name.
SHARE_LABELLED_MIN = 0.8  # Below it, labels that are missing may be the ones that matter.


@dataclass(frozen=True, slots=True, kw_only=True)
class CellValues:
    """What one decision brings, by what was done (acted or not) and whether that was right.

    Attributes
    ----------
    true_positive, false_positive : acted, rightly or wrongly
    false_negative, true_negative : did not act, wrongly or rightly
    unit : an ISO 4217 code, or the unit of a KPI ("minute")
    """

    true_positive: Decimal
    false_positive: Decimal
    false_negative: Decimal
    true_negative: Decimal
    unit: str

    def __post_init__(self) -> None:
        for right, wrong in (
            ("true_positive", "false_negative"),
            ("true_negative", "false_positive"),
        ):
            if getattr(self, right) < getattr(self, wrong):
                raise InvalidDefinition(
                    f"{wrong} brings {getattr(self, wrong)} {self.unit}, more than {right} "
                    f"({getattr(self, right)}): gains are positive, losses and costs negative"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Decisions counted; counts of parts add up.

    Attributes
    ----------
    unlabelled_acted, unlabelled_not_acted
        Decisions whose outcome is not known (yet).
    """

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int
    unlabelled_acted: int = 0
    unlabelled_not_acted: int = 0

    def __post_init__(self) -> None:
        if min(self._counts()) < 0:
            raise ValueError(f"counts must not be negative, got {self._counts()}")

    def __add__(self, other: Self) -> Self:
        added = (a + b for a, b in zip(self._counts(), other._counts(), strict=True))
        return type(self)(**dict(zip(self.__slots__, added, strict=True)))

    def _counts(self) -> tuple[int, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionValue:
    """What the decisions brought.

    Attributes
    ----------
    total : Decimal
        Of the labelled decisions, exact.
    per_decision : Interval
        Over all decisions, those without a label valued like labelled ones with the same action.
    over_never_acting, over_always_acting : Interval
        Per decision, beyond what doing the same in every case would have brought.
    share_labelled : float, in (0, 1]
    warning : str or None
        Why the figures may mislead.
    """

    total: Decimal
    per_decision: Interval
    over_never_acting: Interval
    over_always_acting: Interval
    unit: str
    share_labelled: float
    warning: str | None


def value_of_decisions(
    confusion: Confusion, values: CellValues, *, confidence: float = 0.95
) -> ConfusionValue:
    """Price decisions.

    Assumes that whether a label is missing has nothing to do with it, among decisions with the
    same action; and that an outcome does not depend on what was done (it is a property of the
    case), as for a fraud that is one whether or not it was stopped.

    Raises
    ------
    NotEstimable
        Fewer than 30 labelled decisions, or an action that has no labelled decision at all.
    """
    _require_labels(confusion)
    counts = (
        confusion.true_positive,
        confusion.false_positive,
        confusion.false_negative,
        confusion.true_negative,
    )
    worth = (
        values.true_positive,
        values.false_positive,
        values.false_negative,
        values.true_negative,
    )
    total = sum((n * amount for n, amount in zip(counts, worth, strict=True)), Decimal(0))
    # What the same case would have brought with the other action.
    never = (values.false_negative, values.true_negative) * 2
    always = (values.true_positive, values.false_positive) * 2
    beyond_never = [float(a - b) for a, b in zip(worth, never, strict=True)]
    beyond_always = [float(a - b) for a, b in zip(worth, always, strict=True)]
    n_labelled = sum(counts)
    n_all = n_labelled + confusion.unlabelled_acted + confusion.unlabelled_not_acted
    share = n_labelled / n_all
    return ConfusionValue(
        total=total,
        per_decision=_mean(confusion, [float(amount) for amount in worth], confidence),
        over_never_acting=_mean(confusion, beyond_never, confidence),
        over_always_acting=_mean(confusion, beyond_always, confidence),
        unit=values.unit,
        share_labelled=share,
        warning=(
            f"{1 - share:.0%} of the decisions have no outcome yet, at most "
            f"{1 - SHARE_LABELLED_MIN:.0%} should"
            if share < SHARE_LABELLED_MIN
            else None
        ),
    )


def _mean(confusion: Confusion, worth: list[float], confidence: float) -> Interval:
    """Average within each action over its labels, then over actions by their frequency."""
    acted = (confusion.true_positive, confusion.false_positive)
    not_acted = (confusion.false_negative, confusion.true_negative)
    strata = [
        (acted, confusion.unlabelled_acted, worth[:2]),
        (not_acted, confusion.unlabelled_not_acted, worth[2:]),
    ]
    n_all = sum(sum(counts) + unlabelled for counts, unlabelled, _ in strata)
    means, shares, variance = [], [], 0.0
    for counts, unlabelled, amounts in strata:
        n = sum(counts)
        share = (n + unlabelled) / n_all
        mean = math.fsum(c * a for c, a in zip(counts, amounts, strict=True)) / n if n else 0.0
        means.append(mean)
        shares.append(share)
        if n:
            # One decision more in each cell: an error that was not seen yet is not impossible.
            p = (counts[0] + 1) / (n + 2)
            variance += share**2 * p * (1 - p) * (amounts[0] - amounts[1]) ** 2 / n
    point = math.fsum(s * m for s, m in zip(shares, means, strict=True))
    variance += math.fsum(s * (m - point) ** 2 for s, m in zip(shares, means, strict=True)) / n_all
    return Interval.around(
        point,
        math.sqrt(variance),
        quantile=NormalDist().inv_cdf((1 + confidence) / 2),
        confidence=confidence,
    )


def _require_labels(confusion: Confusion) -> None:
    acted = confusion.true_positive + confusion.false_positive
    not_acted = confusion.false_negative + confusion.true_negative
    if acted + not_acted < DECISIONS_MIN:
        raise NotEstimable(
            f"{acted + not_acted} decisions have an outcome, needs {DECISIONS_MIN}",
            verdict="below_sample_floor",
        )
    for name, labelled, unlabelled in (
        ("acted on", acted, confusion.unlabelled_acted),
        ("not acted on", not_acted, confusion.unlabelled_not_acted),
    ):
        if unlabelled and not labelled:
            raise NotEstimable(
                f"none of {unlabelled} decisions {name} has an outcome: what they brought is "
                f"unknown (act on a few at random, and it can be known)"
            )
