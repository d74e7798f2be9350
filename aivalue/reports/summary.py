"""One initiative and one portfolio on a page: KPI, evidence, value, cost, return.

Nothing is hidden and nothing is invented: a KPI without an effect keeps its line with the reason,
an initiative that loses money stays in the totals, and one whose value is unknown counts with its
cost and is named.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from aivalue.effects.effect import Grade, Verdict
from aivalue.errors import InvalidMoney, NotComputable
from aivalue.kpis.definition import Currency, Initiative, Kpi, Portfolio, Stage, Target
from aivalue.kpis.plan import BetterWhen
from aivalue.money.cash_flow import roi_undiscounted
from aivalue.money.figure import figure
from aivalue.reports.evidence import BaselineEvidence, Evidence, IntervalReport, JointEvidence
from aivalue.reports.target_progress import TargetProgress, target_progress
from aivalue.reports.value_report import (
    CostReport,
    Exact,
    FigureReport,
    RangeReport,
    Report,
    ValueReport,
)


class KpiSummary(Report):
    """A KPI before and after, what the AI did to it, and what was promised.

    Attributes
    ----------
    before :
        Level of the frozen baseline.
    after, without_ai :
        Level on the treated in the measured months, and what it would have been.
    joint :
        What it brought with others on the same units, of which the effect is its share.
    """

    kpi: str
    name: str
    unit: str
    better_when: BetterWhen
    guardrail: bool
    baseline: BaselineEvidence | None
    before: Exact | None
    after: float | None
    without_ai: float | None
    effect: IntervalReport | None
    relative_effect: IntervalReport | None
    joint: JointEvidence | None = None
    grade: Grade | None
    grade_reasons: tuple[str, ...]
    verdict: Verdict | None
    refusal: str | None
    measured_start: date | None
    measured_end: date | None
    estimator: str | None
    targets: tuple[TargetProgress, ...]


class InitiativeSummary(Report):
    """One initiative; `value` is null with `value_reason` where nothing could be priced."""

    initiative: str
    portfolio: str
    name: str
    owner: str
    stage: Stage
    go_live: date | None
    run_id: str | None
    kpis: tuple[KpiSummary, ...]
    value: ValueReport | None
    value_reason: str | None
    cost: CostReport | None


class PortfolioTotals(Report):
    """Sums over initiatives in the portfolio's currency.

    Attributes
    ----------
    benefit, net :
        Bounds are sums of bounds: effects of two initiatives may be correlated in any way, and
        this interval holds for all of them.
    cost :
        Of every initiative, also of those in `unvalued`, so that a return is never flattered.
    unvalued :
        Initiatives whose value is unknown; it is left out, not counted as zero.
    unsettled :
        Initiatives that share an effect and were last run on different data: until all of them
        have been run again, their shares are of different totals.
    """

    currency: Currency
    benefit: RangeReport
    cost: Exact
    net: RangeReport
    roi: FigureReport
    valued: tuple[str, ...]
    unvalued: tuple[str, ...]
    unsettled: tuple[str, ...] = ()


class PortfolioSummary(Report):
    """Initiatives reported together; `totals` is null with `totals_reason` where none may be."""

    portfolio: str
    name: str
    owner: str
    currency: Currency
    initiatives: tuple[InitiativeSummary, ...]
    totals: PortfolioTotals | None
    totals_reason: str | None


def kpi_summary(
    kpi: Kpi,
    *,
    baseline: BaselineEvidence | None,
    evidence: Evidence | None,
    targets: Sequence[Target],
    judged: Mapping[str, Evidence],
    as_of: date,
) -> KpiSummary:
    """Put one KPI's evidence together.

    Parameters
    ----------
    evidence :
        Effect over all measured months; None before the first run.
    judged :
        By target key: the effect over `target_progress.months_judged`, where it was asked for.
    """
    months = evidence.months if evidence else ()
    return KpiSummary(
        kpi=kpi.key,
        name=kpi.name,
        unit=kpi.unit,
        better_when=kpi.better_when,
        guardrail=kpi.guardrail,
        baseline=baseline,
        before=baseline.level if baseline else None,
        after=evidence.observed if evidence else None,
        without_ai=evidence.without_ai if evidence else None,
        effect=evidence.average if evidence else None,
        relative_effect=evidence.relative if evidence else None,
        joint=evidence.joint if evidence else None,
        grade=evidence.grade if evidence else None,
        grade_reasons=evidence.grade_reasons if evidence else (),
        verdict=evidence.verdict if evidence else None,
        refusal=evidence.refusal if evidence else None,
        measured_start=months[0].start if months else None,
        measured_end=months[-1].end if months else None,
        estimator=evidence.estimator if evidence else None,
        targets=tuple(
            target_progress(target, evidence=evidence, judged=judged, as_of=as_of)
            for target in sorted(targets, key=lambda target: (target.due, target.key))
            if target.kpi == kpi.key
        ),
    )


def initiative_summary(
    initiative: Initiative,
    *,
    kpis: Sequence[KpiSummary],
    value: ValueReport | None,
    value_reason: str | None,
    cost: CostReport | None,
    run_id: str | None,
) -> InitiativeSummary:
    """Put one initiative together; `cost` is known also where `value` is not."""
    if (value is None) != (value_reason is not None):
        raise ValueError(f"{initiative.key} needs either a value or the reason for none")
    return InitiativeSummary(
        initiative=initiative.key,
        portfolio=initiative.portfolio,
        name=initiative.name,
        owner=initiative.owner,
        stage=initiative.stage,
        go_live=initiative.go_live,
        run_id=run_id,
        kpis=tuple(kpis),
        value=value,
        value_reason=value_reason,
        cost=cost,
    )


def portfolio_summary(
    portfolio: Portfolio, initiatives: Sequence[InitiativeSummary]
) -> PortfolioSummary:
    """Put a portfolio together; where nothing may be added up it has no totals, and says why."""
    totals, reason = None, None
    try:
        totals = portfolio_totals(initiatives, currency=portfolio.reporting_currency)
    except (InvalidMoney, NotComputable) as refusal:
        reason = str(refusal)
    return PortfolioSummary(
        portfolio=portfolio.key,
        name=portfolio.name,
        owner=portfolio.owner,
        currency=portfolio.reporting_currency,
        initiatives=tuple(initiatives),
        totals=totals,
        totals_reason=reason,
    )


def portfolio_totals(initiatives: Sequence[InitiativeSummary], *, currency: str) -> PortfolioTotals:
    """Add up.

    Raises
    ------
    InvalidMoney
        An initiative is in another currency.
    NotComputable
        nothing_priced: no initiative has a value, and unknown is not zero.
    """
    for each in initiatives:
        for part in (each.value, each.cost):
            if part is not None and part.currency != currency:
                raise InvalidMoney(f"{each.initiative} is in {part.currency}, needs {currency}")
    valued = [(each.initiative, each.value) for each in initiatives if each.value]
    if not valued:
        raise NotComputable("no initiative has a value", reason="nothing_priced")
    benefit = _sum_of([value.benefit for _, value in valued])
    cost = sum((_cost_of(each) for each in initiatives), Decimal(0))
    return PortfolioTotals(
        currency=currency,
        benefit=benefit,
        cost=cost,
        net=_less(benefit, cost),
        roi=FigureReport.of(
            figure(
                "roi.undiscounted",
                lambda: roi_undiscounted(benefits=benefit.point, costs=cost),
                low=lambda: roi_undiscounted(benefits=benefit.low, costs=cost),
                high=lambda: roi_undiscounted(benefits=benefit.high, costs=cost),
            )
        ),
        valued=tuple(key for key, _ in valued),
        unvalued=tuple(each.initiative for each in initiatives if not each.value),
        unsettled=_unsettled(initiatives),
    )


def _unsettled(initiatives: Sequence[InitiativeSummary]) -> tuple[str, ...]:
    """Find those whose newest run says of a joint effect what another's newest does not."""
    said = {(each.initiative, kpi.kpi): kpi.joint for each in initiatives for kpi in each.kpis}
    runs = {each.initiative for each in initiatives if each.run_id is not None}
    found: set[str] = set()
    for (own, kpi), joint in said.items():
        for other in () if joint is None else joint.initiatives:
            theirs = said.get((other, kpi))
            if other in runs and (theirs is None or joint is None or theirs.sha256 != joint.sha256):
                found |= {own, other}
    return tuple(sorted(found))


def _cost_of(summary: InitiativeSummary) -> Decimal:
    # A value's own cost ends with its last measured month, as the value does.
    if summary.value is not None:
        return summary.value.cost.total
    return summary.cost.total if summary.cost else Decimal(0)


def _sum_of(ranges: Sequence[RangeReport]) -> RangeReport:
    return RangeReport(
        point=sum((each.point for each in ranges), Decimal(0)),
        low=sum((each.low for each in ranges), Decimal(0)),
        high=sum((each.high for each in ranges), Decimal(0)),
        lower_bound=sum((each.lower_bound for each in ranges), Decimal(0)),
        risk_adjusted=sum((each.risk_adjusted for each in ranges), Decimal(0)),
    )


def _less(value: RangeReport, cost: Decimal) -> RangeReport:
    return RangeReport(
        point=value.point - cost,
        low=value.low - cost,
        high=value.high - cost,
        lower_bound=value.lower_bound - cost,
        risk_adjusted=value.risk_adjusted - cost,
    )
