"""Effects to money by the rules that finance approved, and what could not be priced, by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from aivalue.effects.effect import Effect
from aivalue.effects.overlap import Joint
from aivalue.effects.result import Estimate
from aivalue.effects.student_t import t_quantile
from aivalue.errors import InvalidMoney, NotComputable
from aivalue.kpis.canonical import Json
from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import plain
from aivalue.money.allotment import allotment_of, allotted_to, totals_of
from aivalue.money.cost import CostEntry, CostTotals, cost_totals
from aivalue.money.improvement import LOWER_BOUND_CONFIDENCE, Improvement, Quantiles, improvement_of
from aivalue.money.initiative_value import initiative_value
from aivalue.money.money import Money
from aivalue.money.month import month_of
from aivalue.money.valuation import Pricing, ValueLine, value_lines
from aivalue.money.valuation_rule import ValuationRule
from aivalue.reports.value_report import ValueReport, cost_report, value_report
from services.attribution.inputs import Inputs, PricedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """A part that carries no money, and why; it is left out of totals, not counted as zero."""

    kpi: str
    rule: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What one rule makes of an effect that initiatives share, in whole cents that add up."""

    kpi: str
    rule: str
    shares: Mapping[str, Decimal]

    def document(self) -> dict[str, Json]:
        """Write the shares and their sum."""
        return {
            "kpi": self.kpi,
            "rule": self.rule,
            "total": plain(sum(self.shares.values(), Decimal(0))),
            "shares": [
                {"initiative": name, "amount": plain(amount)}
                for name, amount in self.shares.items()
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What an initiative's effects are worth.

    Attributes
    ----------
    report :
        None where nothing was priced; `reason` says why.
    cost, cost_not_measured :
        All charges, and those after the last month whose effect is known: these wait for their
        value, and no return is computed over them. None where nothing was ever charged, which is
        not a cost of zero.
    shared :
        Where initiatives share an effect: what each is credited with by this one's rules.
    """

    currency: str
    report: ValueReport | None
    reason: str | None
    unpriced: tuple[Unpriced, ...]
    lines: tuple[ValueLine, ...]
    cost: CostTotals | None
    cost_not_measured: Money | None
    shared: tuple[Shared, ...] = ()

    def document(self) -> dict[str, Json]:
        """Write the value as it is stored, hashed and served."""
        return {
            "priced": self.report is not None,
            "reason": self.reason,
            "currency": self.currency,
            "unpriced": [
                {"kpi": each.kpi, "rule": each.rule, "reason": each.reason}
                for each in self.unpriced
            ],
            "value": None if self.report is None else self.report.model_dump(mode="json"),
            "cost": None if self.cost is None else cost_report(self.cost).model_dump(mode="json"),
            "cost_not_measured": (
                None if self.cost_not_measured is None else plain(self.cost_not_measured.amount)
            ),
            "shared": [each.document() for each in self.shared],
        }


def value_of(
    inputs: Inputs, estimates: Mapping[str, Estimate], joints: Mapping[str, Joint]
) -> Value:
    """Price the estimates by KPI and set cost against them."""
    portfolio = inputs.definitions.portfolio
    currency = portfolio.reporting_currency
    kept, unpriced = _priceable(inputs, estimates, currency)
    parts = {
        kpi.key: allotment_of(_improvements(kpi, joints[kpi.key]), _rules(kept[kpi.key]))
        for kpi in inputs.definitions.kpis
        if kpi.key in kept and kpi.key in joints
    }
    own = inputs.definitions.initiative.key
    pricings = [
        Pricing(
            improvement=_improvement(kpi, estimates[kpi.key]),
            rules=_rules(kept[kpi.key]),
            allotted=allotted_to(own, parts[kpi.key]) if kpi.key in parts else None,
        )
        for kpi in inputs.definitions.kpis
        if kpi.key in kept
    ]
    report, cost, waiting, reason = None, None, None, None
    counted, later = _split(inputs.costs, pricings)
    try:
        if inputs.costs:
            cost = cost_totals(inputs.costs, currency=currency)
            waiting = cost_totals(later, currency=currency).total
        if pricings:
            report = value_report(
                initiative_value(
                    pricings=pricings,
                    costs=counted,
                    currency=currency,
                    hurdle_rate=portfolio.hurdle_rate,
                    fiscal_year_start_month=portfolio.fiscal_year_start_month,
                )
            )
        else:
            # Several rules price one KPI, and what keeps them from it is said once.
            reasons = dict.fromkeys(each.reason for each in unpriced)
            reason = "; ".join(reasons) or "nothing was estimated"
    except (InvalidMoney, NotComputable) as refusal:
        reason = str(refusal)
    return Value(
        currency=currency,
        report=report,
        reason=reason,
        unpriced=unpriced,
        lines=value_lines(pricings) if report is not None else (),
        cost=cost,
        cost_not_measured=waiting,
        shared=tuple(
            Shared(kpi=kpi, rule=rule, shares=totals_of(months))
            for kpi, of_rules in parts.items()
            for rule, months in of_rules.items()
        ),
    )


def _rules(priced_by: Sequence[PricedBy]) -> tuple[ValuationRule, ...]:
    return tuple(each.rule for each in priced_by)


def _improvements(kpi: Kpi, joint: Joint) -> dict[str, Improvement]:
    return {
        name: _improvement(kpi, estimate)
        for name, estimate in joint.estimates.items()
        if estimate.effect is not None
    }


def _priceable(
    inputs: Inputs, estimates: Mapping[str, Estimate], currency: str
) -> tuple[dict[str, list[PricedBy]], tuple[Unpriced, ...]]:
    """Sort rules into those that can be applied, by KPI, and those that cannot, with the reason."""
    kept: dict[str, list[PricedBy]] = {}
    unpriced = []
    for priced_by in inputs.rules:
        rule = priced_by.rule
        reason = _why_not(priced_by, estimates.get(rule.kpi), currency)
        if reason is None:
            kept.setdefault(rule.kpi, []).append(priced_by)
        else:
            unpriced.append(Unpriced(kpi=rule.kpi, rule=rule.key, reason=reason))
    with_rule = {priced_by.rule.kpi for priced_by in inputs.rules}
    unpriced += [
        Unpriced(kpi=kpi.key, rule=None, reason=f"no valuation rule prices {kpi.key}")
        for kpi in inputs.definitions.kpis
        if kpi.key not in with_rule
    ]
    return kept, tuple(unpriced)


def _why_not(priced_by: PricedBy, found: Estimate | None, currency: str) -> str | None:
    rule = priced_by.rule
    if found is None:
        return f"rule {rule.key} prices {rule.kpi}, which the design does not measure"
    if found.effect is None or found.grade is None:
        return f"{rule.kpi} was not estimated: {found.refusal}"
    if rule.currency != currency:
        return f"rule {rule.key} is in {rule.currency}, the portfolio reports in {currency}"
    return None


def _improvement(kpi: Kpi, found: Estimate) -> Improvement:
    effect, grade = found.effect, found.grade
    if effect is None or grade is None:
        raise ValueError(f"{kpi.key} was refused and cannot be priced")
    return improvement_of(
        effect,
        kpi=kpi.key,
        better_when=kpi.better_when,
        grade=grade,
        quantiles=_quantiles(effect),
    )


def _quantiles(effect: Effect) -> Quantiles:
    return Quantiles(
        two_sided=t_quantile((1 + effect.confidence) / 2, effect.degrees_of_freedom),
        lower_bound=t_quantile(LOWER_BOUND_CONFIDENCE, effect.degrees_of_freedom),
    )


def _split(
    costs: Sequence[CostEntry], pricings: Sequence[Pricing]
) -> tuple[list[CostEntry], list[CostEntry]]:
    """Part the costs at the last month whose effect is known."""
    if not pricings:
        return list(costs), []
    last = max(month_of(pricing.improvement.periods[-1].start) for pricing in pricings)
    counted = [entry for entry in costs if entry.month <= last]
    return counted, [entry for entry in costs if entry.month > last]
