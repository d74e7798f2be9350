"""The figures of a proof, one a KPI, as build/demo-report.json holds them."""

from collections.abc import Iterator
from decimal import Decimal

from aivalue.cli.demo.case import Case
from aivalue.cli.demo.prove import Json
from aivalue.reports.cfo_table import CfoRow, EffectCell, Truth, cfo_rows, effect_cell, known_cost
from aivalue.reports.evidence import Evidence
from aivalue.reports.summary import InitiativeSummary, KpiSummary
from aivalue.reports.value_report import Exact, FigureReport, RangeReport, Report


class LateFigure(Report):
    """Effect over the case's late window alone, and its truth."""

    start: str
    end: str
    effect: EffectCell | None
    truth: float | None


class TruthFigure(Report):
    """What a simulation knows: the effect in the figure's own unit, the initiative's value."""

    effect: float | None
    value: Exact | None
    roi: Exact | None


class Figure(Report):
    """One KPI of one initiative.

    Attributes
    ----------
    value :
        Of this KPI; null with `value_reason` where no rule prices it.
    initiative_value, cost, roi, payback_months :
        Of the whole initiative, since one budget pays for all its KPIs.
    reconstructed :
        Whether the baseline was frozen after go-live, which caps the grade at C.
    """

    case: str
    initiative: str
    kpi: str
    name: str
    unit: str
    baseline: Exact | None
    now: float | None
    effect: EffectCell | None
    grade: str | None
    grade_reasons: tuple[str, ...]
    verdict: str | None
    refusal: str | None
    reconstructed: bool
    late: LateFigure | None
    currency: str | None
    value: RangeReport | None
    value_reason: str | None
    initiative_value: RangeReport | None
    cost: Exact | None
    roi: FigureReport | None
    payback_months: FigureReport | None
    truth: TruthFigure | None
    run_id: str | None


def rows_of(case: Case, summary: InitiativeSummary) -> tuple[CfoRow, ...]:
    """Lay the initiative out for the table, with the truth where somebody knows it."""
    truth: dict[str | None, Truth] = {
        kpi: Truth(effect=_percent(share)) for kpi, share in case.truth.relative.items()
    }
    if case.truth.value is not None:
        truth[None] = Truth(value=Decimal(case.truth.value))
    return cfo_rows(summary, truth=truth)


def figures_of(case: Case, summary: InitiativeSummary, late: Json) -> Iterator[Figure]:
    """Read one figure a KPI out of the initiative's summary.

    `late` has, by KPI, attribution's effect over the case's late window.
    """
    for kpi in summary.kpis:
        yield _figure(case, summary, kpi, late)


def _figure(case: Case, summary: InitiativeSummary, kpi: KpiSummary, late: Json) -> Figure:
    value = summary.value
    return Figure(
        case=case.name,
        initiative=summary.initiative,
        kpi=kpi.kpi,
        name=kpi.name,
        unit=kpi.unit,
        baseline=kpi.before,
        now=kpi.after,
        effect=effect_cell(kpi),
        grade=kpi.grade,
        grade_reasons=kpi.grade_reasons,
        verdict=kpi.verdict,
        refusal=kpi.refusal,
        reconstructed=bool(kpi.baseline and kpi.baseline.reconstructed),
        late=_late(case, kpi, late),
        currency=value.currency if value else None,
        value=value.by_kpi.get(kpi.kpi) if value else None,
        value_reason=summary.value_reason,
        initiative_value=value.benefit if value else None,
        cost=known_cost(summary),
        roi=value.roi if value else None,
        payback_months=value.payback_months if value else None,
        truth=_truth(case, kpi.kpi),
        run_id=summary.run_id,
    )


def _late(case: Case, kpi: KpiSummary, late: Json) -> LateFigure | None:
    if case.late_window is None or kpi.kpi not in late:
        return None
    evidence = Evidence.model_validate(late[kpi.kpi])
    shown = kpi.model_copy(
        update={"effect": evidence.average, "relative_effect": evidence.relative}
    )
    truth = case.truth.late.get(kpi.kpi)
    return LateFigure(
        start=case.late_window[0],
        end=case.late_window[1],
        effect=effect_cell(shown),
        truth=None if truth is None else _percent(truth),
    )


def _truth(case: Case, kpi: str) -> TruthFigure | None:
    if kpi not in case.truth.relative:
        return None
    return TruthFigure(
        effect=_percent(case.truth.relative[kpi]),
        value=None if case.truth.value is None else Decimal(case.truth.value),
        roi=None if case.truth.roi is None else Decimal(case.truth.roi),
    )


def _percent(share: float) -> float:
    return round(100 * share, 4)
