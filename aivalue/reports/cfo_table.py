"""The table a chief financial officer reads: one line per KPI, and one for what it costs and pays.

Rows carry the exact figures; `cells` writes them for people. A figure that does not exist is
written as a dash with its reason, never as a zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from aivalue.effects.effect import Grade, Verdict
from aivalue.money.exact import decimal_of
from aivalue.reports.evidence import IntervalReport
from aivalue.reports.summary import InitiativeSummary, KpiSummary
from aivalue.reports.value_report import Exact, FigureReport, RangeReport, Report

HEADER = (
    "KPI", "baseline", "now", "effect", "grade", "value", "cost", "ROI", "payback", "truth",
)  # fmt: skip
_MISSING = "-"
_SHARE = "share"
_MILLION = 1_000_000
_THOUSAND = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a simulation knows: `effect` in the unit in which the row shows it, and its value."""

    effect: float | None = None
    value: Decimal | None = None


class EffectCell(Report):
    """An effect as it is shown: in %, in percentage points for shares, or in the KPI's unit."""

    point: float
    low: float
    high: float
    confidence: float
    unit: str


class CfoRow(Report):
    """One line. A KPI's line has its value; the initiative's line has cost and return.

    Attributes
    ----------
    kpi :
        None on the initiative's own line. An initiative with one KPI has one line with all of it.
    """

    initiative: str
    kpi: str | None
    name: str
    unit: str | None = None
    baseline: Exact | None = None
    now: float | None = None
    effect: EffectCell | None = None
    grade: Grade | None = None
    verdict: Verdict | None = None
    refusal: str | None = None
    currency: str | None = None
    value: RangeReport | None = None
    cost: Exact | None = None
    roi: FigureReport | None = None
    payback_months: FigureReport | None = None
    truth_effect: float | None = None
    truth_value: Exact | None = None


def cfo_rows(
    summary: InitiativeSummary, *, truth: Mapping[str | None, Truth] | None = None
) -> tuple[CfoRow, ...]:
    """Lay out one initiative.

    Parameters
    ----------
    truth :
        By KPI; under None the truth of the whole initiative.
    """
    known = truth or {}
    alone = len(summary.kpis) == 1
    rows = [
        _kpi_row(summary, kpi, known.get(kpi.kpi, Truth()), alone=alone) for kpi in summary.kpis
    ]
    if not alone:
        rows.append(_initiative_row(summary, known.get(None, Truth())))
    return tuple(rows)


def cells(row: CfoRow) -> tuple[str, ...]:
    """Write a row for people, in the order of `HEADER`."""
    return (
        row.name if row.unit in {None, _SHARE} else f"{row.name}, {row.unit}",
        _level(None if row.baseline is None else float(row.baseline), row.unit),
        _level(row.now, row.unit),
        _effect(row),
        row.grade or _MISSING,
        _MISSING if row.value is None else range_text(row.value, row.currency),
        _MISSING if row.cost is None else amount_text(row.cost),
        percent_text(row.roi),
        _figure_text(row.payback_months, "{:.1f} mo"),
        _truth(row),
    )


def _kpi_row(summary: InitiativeSummary, kpi: KpiSummary, truth: Truth, *, alone: bool) -> CfoRow:
    value = summary.value
    return CfoRow(
        initiative=summary.initiative,
        kpi=kpi.kpi,
        name=kpi.name,
        unit=kpi.unit,
        baseline=kpi.before,
        now=kpi.after,
        effect=effect_cell(kpi),
        grade=kpi.grade,
        verdict=kpi.verdict,
        refusal=kpi.refusal,
        currency=value.currency if value else None,
        value=value.by_kpi.get(kpi.kpi) if value else None,
        cost=known_cost(summary) if alone else None,
        roi=value.roi if value and alone else None,
        payback_months=value.payback_months if value and alone else None,
        truth_effect=truth.effect,
        truth_value=truth.value,
    )


def _initiative_row(summary: InitiativeSummary, truth: Truth) -> CfoRow:
    value = summary.value
    return CfoRow(
        initiative=summary.initiative,
        kpi=None,
        name=summary.name,
        refusal=summary.value_reason,
        currency=value.currency if value else None,
        value=value.benefit if value else None,
        cost=known_cost(summary),
        roi=value.roi if value else None,
        payback_months=value.payback_months if value else None,
        truth_effect=truth.effect,
        truth_value=truth.value,
    )


def known_cost(summary: InitiativeSummary) -> Decimal | None:
    """Return what was spent; None where no charge was ever recorded, which is not a cost of 0."""
    cost = summary.cost if summary.value is None else summary.value.cost
    return cost.total if cost is not None and cost.by_category else None


def effect_cell(kpi: KpiSummary) -> EffectCell | None:
    """Show a share in percentage points, another KPI in % of its level without the AI."""
    if kpi.effect is None:
        return None
    if kpi.unit == _SHARE:
        return _scaled(kpi.effect, 100, "pp")
    if kpi.relative_effect is not None:
        return _scaled(kpi.relative_effect, 100, "%")
    return _scaled(kpi.effect, 1, kpi.unit)


def _scaled(interval: IntervalReport, factor: int, unit: str) -> EffectCell:
    def scaled(number: float) -> float:
        # In decimal, or 0.0023 would become 0.22999999999999998.
        return float(decimal_of(number) * factor)

    return EffectCell(
        point=scaled(interval.point),
        low=scaled(interval.low),
        high=scaled(interval.high),
        confidence=interval.confidence,
        unit=unit,
    )


def _level(level: float | None, unit: str | None) -> str:
    if level is None:
        return _MISSING
    return f"{100 * level:.3g} %" if unit == _SHARE else f"{level:.3g}"


def _effect(row: CfoRow) -> str:
    effect = row.effect
    if effect is None:
        return f"{_MISSING} ({row.refusal})" if row.refusal else _MISSING
    places = 2 if effect.unit == "pp" else 1
    point, low, high = (f"{end:+.{places}f}" for end in (effect.point, effect.low, effect.high))
    return f"{point} {effect.unit} ({low} to {high}) {row.verdict or ''}".rstrip()


def range_text(value: RangeReport, currency: str | None) -> str:
    """Write an amount with its interval, all in the unit that the largest of them needs."""
    ends = (value.point, value.low, value.high)
    scale, suffix = _scale(max(abs(end) for end in ends))
    point, low, high = (_scaled_amount(end, scale) for end in ends)
    return f"{currency} {point}{suffix} ({low} to {high})"


def amount_text(amount: Decimal) -> str:
    """Write an amount in units, thousands or millions."""
    scale, suffix = _scale(abs(amount))
    return _scaled_amount(amount, scale) + suffix


def percent_text(figure: FigureReport | None) -> str:
    """Write a return in percent, a dash with its reason where it has no answer."""
    return _figure_text(figure, "{:.0%}")


def _scale(magnitude: Decimal) -> tuple[int, str]:
    if magnitude >= _MILLION:
        return _MILLION, " M"
    return (_THOUSAND, " k") if magnitude >= _THOUSAND else (1, "")


def _scaled_amount(amount: Decimal, scale: int) -> str:
    places = {_MILLION: 2, _THOUSAND: 1, 1: 0}[scale]
    return f"{amount / scale:,.{places}f}"


def _figure_text(figure: FigureReport | None, form: str) -> str:
    if figure is None:
        return _MISSING
    if figure.value is None:
        return f"{_MISSING} ({figure.reason})"
    return form.format(figure.value)


def _truth(row: CfoRow) -> str:
    unit = row.effect.unit if row.effect else ""
    effect = None if row.truth_effect is None else f"{row.truth_effect:+.1f} {unit}".rstrip()
    value = None if row.truth_value is None else amount_text(row.truth_value)
    return ", ".join(part for part in (effect, value) if part) or _MISSING
