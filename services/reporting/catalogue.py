"""Every business metric as data: its name, its labels, what it says.

Prometheus wants one unit and one quantity per name, so the bounds of an interval are families of
their own (never labels: a sum would add the point and its bounds) and stand before the unit. Money
ends in the currency of its portfolio. Every family is a gauge: estimates are revised.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Bound = Literal["", "lower", "upper"]

TENANT = ("tenant",)
USE_CASE = ("tenant", "use_case")
KPI = ("tenant", "use_case", "kpi")
SCOPE = ("tenant", "use_case", "kpi", "scope")
# Units of KPI levels besides the currency; other units have no level series.
LEVEL_UNITS = ("seconds", "ratio", "events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric name."""

    name: str
    labels: tuple[str, ...]
    help: str
    unit: str = ""


def business_families(currencies: Iterable[str]) -> tuple[Family, ...]:
    """List what `/metrics/business` exports, for reporting currencies such as "USD"."""
    suffixes = sorted({currency.lower() for currency in currencies})
    levels = (*LEVEL_UNITS, *suffixes)
    return (
        *_INFORMATION,
        *(each for unit in levels for each in _levels(unit)),
        *_EFFECTS,
        *(each for suffix in suffixes for each in _money(suffix)),
        *_RETURNS,
        *_TRUST,
    )


def name_of(stem: str, unit: str, bound: Bound = "") -> str:
    """Spell a family's name: the bound before the unit."""
    return "_".join(part for part in (stem, bound, unit) if part)


def _family(name: str, labels: tuple[str, ...], text: str, unit: str = "") -> Family:
    return Family(name=name_of(name, unit), labels=labels, help=text, unit=unit)


def _band(stem: str, unit: str, labels: tuple[str, ...], text: str) -> Iterator[Family]:
    for bound, words in _BOUNDS.items():
        name = name_of(stem, unit, bound)
        yield Family(name=name, labels=labels, help=f"{text} ({words}).", unit=unit)


_BOUNDS: dict[Bound, str] = {
    "": "point estimate",
    "lower": "lower confidence bound",
    "upper": "upper confidence bound",
}
_INFORMATION = (
    _family(
        "aivalue_use_case_info",
        (*USE_CASE, "name", "portfolio", "owner_team", "stage", "currency"),
        "An initiative, always 1; join with group_left. Stopped ones stay.",
    ),
    _family(
        "aivalue_use_case_go_live_timestamp",
        USE_CASE,
        "Start of the first day on which any unit worked with the AI.",
        "seconds",
    ),
    _family(
        "aivalue_kpi_info",
        (*KPI, "unit", "direction", "statistic"),
        "A KPI, always 1. direction is higher_is_better or lower_is_better.",
    ),
    _family(
        "aivalue_estimate_info",
        (*KPI, "estimator", "estimator_version", "evidence_grade", "verdict"),
        "Where the current estimate comes from, always 1. A refused one has grade none and its"
        " verdict, and no effect series.",
    ),
)


def _levels(unit: str) -> Iterator[Family]:
    yield _family(
        "aivalue_kpi_observed",
        KPI,
        "Level of the KPI on the treated, over the window of the estimate; KPIs of this unit.",
        unit,
    )
    yield from _band(
        "aivalue_kpi_counterfactual",
        unit,
        KPI,
        "Level the KPI would have had without the AI, over the same window",
    )
    yield _family(
        "aivalue_baseline_level",
        KPI,
        "Level of the KPI in its frozen baseline, before the AI.",
        unit,
    )


_EFFECTS = (
    *_band(
        "aivalue_effect",
        "ratio",
        KPI,
        "Effect of the AI on the KPI, as a share of the level without AI; positive is better",
    ),
    *_band(
        "aivalue_scope_effect",
        "ratio",
        SCOPE,
        "The same for one scope (campaign, segment) alone; scopes are parts, never add them",
    ),
    _family(
        "aivalue_effect_significant",
        KPI,
        "1 if the confidence interval of the effect excludes zero, in either direction, else 0.",
    ),
    _family(
        "aivalue_estimate_sample_size",
        (*KPI, "arm"),
        "Randomized or rolled-out entities behind the estimate. arm is treated or control.",
    ),
    _family(
        "aivalue_target_effect",
        KPI,
        "Improvement that was promised, as a share; relative targets only, the one due last.",
        "ratio",
    ),
    _family(
        "aivalue_target_progress",
        KPI,
        "Improvement measured over improvement promised, for the target due last; 1 is met.",
        "ratio",
    ),
    _family("aivalue_target_due_timestamp", KPI, "End of the day the target is due.", "seconds"),
)


def _money(currency: str) -> Iterator[Family]:
    until = "cumulative from the first flow to the last measured month"
    yield from _band("aivalue_gross_value", currency, USE_CASE, f"Value of the effects, {until}")
    yield _family(
        "aivalue_risk_adjusted_value",
        USE_CASE,
        f"Gross value with gains lowered by the factor of their grade, {until}.",
        currency,
    )
    yield _family(
        "aivalue_lower_bound_value",
        USE_CASE,
        f"One-sided 90 % lower bound of the gross value, {until}.",
        currency,
    )
    yield _family(
        "aivalue_cost",
        (*USE_CASE, "category"),
        f"Cost of the AI, {until}. category is model, infra, people, licence or change.",
        currency,
    )
    yield from _band("aivalue_net_value", currency, USE_CASE, f"Gross value minus cost, {until}")


_RETURNS = (
    *_band("aivalue_roi", "ratio", USE_CASE, "Net value over cost, undiscounted"),
    _family(
        "aivalue_payback",
        USE_CASE,
        "Time from the first flow until the cumulative net value stays positive; absent while it"
        " does not.",
        "seconds",
    ),
    _family(
        "aivalue_reporting_period_start_timestamp",
        USE_CASE,
        "Start of the first month that value and cost are counted in.",
        "seconds",
    ),
    _family(
        "aivalue_confidence_level",
        USE_CASE,
        "Nominal coverage of every interval exported for the initiative.",
        "ratio",
    ),
)
_TRUST = (
    _family(
        "aivalue_baseline_frozen_timestamp", KPI, "When the baseline in use was frozen.", "seconds"
    ),
    _family(
        "aivalue_estimate_window_end_timestamp",
        KPI,
        "End of the business window that the estimate covers (event time).",
        "seconds",
    ),
    _family(
        "aivalue_estimate_computed_timestamp", KPI, "When the estimate was computed.", "seconds"
    ),
    _family(
        "aivalue_reporting_snapshot_timestamp",
        TENANT,
        "When the services were read for what this exposition shows.",
        "seconds",
    ),
    _family(
        "aivalue_reporting_collect_duration",
        TENANT,
        "How long the last complete reading took.",
        "seconds",
    ),
    _family(
        "aivalue_reporting_collect_success",
        TENANT,
        "1 if the last reading was complete, 0 if an older one is shown.",
    ),
    _family(
        "aivalue_reporting_series_suppressed",
        (*TENANT, "reason"),
        "Series withheld from this exposition. reason is cardinality_limit.",
    ),
)
