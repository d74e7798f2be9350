"""The executive dashboard: what the AI earned, how sure that is, and how fresh the figures are.

Every figure has its bound beside it. Colour says whether an effect is significant, not whether
its point estimate is positive.
"""

from deploy.grafana.panels import Json, Panel, Place, Query, band, override, stat
from deploy.grafana.variables import go_live_marks, variables
from services.reporting.catalogue import LEVEL_UNITS, Bound, name_of

_ALL = '{tenant=~"$tenant",use_case=~"$use_case"}'
_ONE = '{tenant=~"$tenant",use_case="$focus",kpi="$kpi"}'
_GREEN_ABOVE_ZERO = ((None, "red"), (0.0, "green"))
_NOTE = """\
**How to read this.** An effect is what the AI changed against what would have happened without
it, estimated from a control group or a frozen baseline. Intervals cover the truth at the level
the initiative states (usually 95 %). Grade A: randomized. B: staggered roll-out with controls.
C: adjusted before/after. D: self-report, valued at zero. An estimate that was refused has no
effect here, and its verdict says why; no figure is not zero. Panels show figures *as known at*
the time on the axis: they move when an estimate is revised. The record is the attribution
service, not this page.
"""
_SIGNIFICANCE: Json = {
    "type": "value",
    "options": {
        "0": {"text": "inconclusive", "color": "yellow", "index": 0},
        "1": {"text": "significant", "color": "blue", "index": 1},
    },
}


def executive_dashboard(currency: str) -> Json:
    """Build the dashboard for one reporting currency, such as "USD"."""
    panels = [*_headline(currency), *_detail(currency), *_comparison(currency), *_evidence()]
    return {
        "uid": "aivalue-executive",
        "title": "aivalue: what the AI earned",
        "tags": ["aivalue"],
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-30d", "to": "now"},
        "timepicker": {},
        "timezone": "utc",
        "annotations": {"list": [go_live_marks(_ALL)]},
        "links": [],
        "templating": {"list": variables()},
        "panels": [panel.json(number) for number, panel in enumerate(panels, start=1)],
    }


def _headline(currency: str) -> list[Panel]:
    money = f"currency{currency.upper()}"
    unit = currency.lower()
    net = name_of("aivalue_net_value", unit) + _ALL
    low = name_of("aivalue_net_value", unit, "lower") + _ALL
    high = name_of("aivalue_net_value", unit, "upper") + _ALL
    cost = name_of("aivalue_cost", unit) + _ALL
    return [
        stat(
            "Net value", f"sum({net})", "Value of all effects minus the cost of the AI.",
            Place(x=0, y=0, w=4, h=4), unit=money,
        ),
        stat(
            "Net value, lower bound",
            f"sum({net}) - sqrt(sum((({high} - {low}) / 2) ^ 2))",
            "Lower end of the interval of the total: initiatives are estimated apart, so their"
            " half-widths add in quadrature.",
            Place(x=4, y=0, w=4, h=4), unit=money, thresholds=_GREEN_ABOVE_ZERO,
        ),
        stat(
            "Return on investment", f"sum({net}) / (sum({cost}) > 0)",
            "Net value over cost, undiscounted.",
            Place(x=8, y=0, w=4, h=4), unit="percentunit",
        ),
        stat(
            "Cost of the AI", f"sum({cost})", "Models, infrastructure, people, licences, change.",
            Place(x=12, y=0, w=4, h=4), unit=money,
        ),
        stat(
            "Effects beyond doubt", f"avg(aivalue_effect_significant{_ALL})",
            "Share of the estimated effects whose interval excludes zero.",
            Place(x=16, y=0, w=4, h=4), unit="percentunit",
        ),
        stat(
            "Age of the figures",
            'time() - min(aivalue_reporting_snapshot_timestamp_seconds{tenant=~"$tenant"})',
            "Since the services were last read completely.",
            Place(x=20, y=0, w=4, h=4), unit="s",
            thresholds=((None, "green"), (300.0, "yellow"), (900.0, "red")),
        ),
    ]  # fmt: skip


def _detail(currency: str) -> list[Panel]:
    units = (*LEVEL_UNITS, currency.lower())
    stems: dict[str, tuple[str, Bound]] = {
        "observed": ("aivalue_kpi_observed", ""),
        "without AI": ("aivalue_kpi_counterfactual", ""),
        "lower": ("aivalue_kpi_counterfactual", "lower"),
        "upper": ("aivalue_kpi_counterfactual", "upper"),
        "baseline": ("aivalue_baseline_level", ""),
    }
    # A KPI has one unit, so one name of the alternatives has data.
    levels = {
        legend: " or ".join(name_of(stem, unit, bound) + _ONE for unit in units)
        for legend, (stem, bound) in stems.items()
    }
    effects = {
        "effect": "aivalue_effect_ratio",
        "effect lower": "aivalue_effect_lower_ratio",
        "effect upper": "aivalue_effect_upper_ratio",
        "target": "aivalue_target_effect_ratio",
    }
    return [
        _lines(
            "$kpi of $focus: observed and without AI",
            "Level of the KPI on what the AI treats, what it would have been without the AI with"
            " its interval, and its frozen baseline.",
            Place(x=0, y=4, w=12, h=9),
            levels,
            overrides=band(lower="lower", upper="upper", reference="without AI"),
        ),
        _lines(
            "$kpi of $focus: effect",
            "Share of the level without AI; positive is better. The target is what was promised.",
            Place(x=12, y=4, w=12, h=9),
            {legend: name + _ONE for legend, name in effects.items()},
            unit="percentunit",
            overrides=band(lower="effect lower", upper="effect upper", reference="target"),
        ),
    ]


def _lines(
    title: str,
    description: str,
    place: Place,
    series: dict[str, str],
    *,
    overrides: list[Json],
    unit: str = "short",
) -> Panel:
    return Panel(
        kind="timeseries",
        title=title,
        description=description,
        place=place,
        queries=[
            Query(expr=expr, legend=legend, ref=chr(ord("A") + number))
            for number, (legend, expr) in enumerate(series.items())
        ],
        unit=unit,
        options={
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "none"},
        },
        custom={"lineWidth": 2, "fillOpacity": 0, "spanNulls": False, "showPoints": "never"},
        overrides=overrides,
    )


def _comparison(currency: str) -> list[Panel]:
    money = f"currency{currency.upper()}"
    unit = currency.lower()
    return [
        Panel(
            kind="table",
            title="Effects: lower bound, estimate, upper bound",
            description="Share of the level without AI; positive is better.",
            place=Place(x=0, y=13, w=14, h=10),
            queries=[
                Query(expr=f"aivalue_effect_lower_ratio{_ALL}", table=True, ref="A"),
                Query(expr=f"aivalue_effect_ratio{_ALL}", table=True, ref="B"),
                Query(expr=f"aivalue_effect_upper_ratio{_ALL}", table=True, ref="C"),
                Query(expr=f"aivalue_effect_significant{_ALL}", table=True, ref="D"),
            ],
            unit="percentunit",
            decimals=1,
            options={"showHeader": True, "sortBy": [{"displayName": "Lower", "desc": True}]},
            overrides=[
                override("Significant", ("unit", "short"), ("mappings", [_SIGNIFICANCE]),
                         ("custom.cellOptions", {"type": "color-background", "mode": "basic"})),
            ],
            transformations=_merged("Lower", "Effect", "Upper", "Significant"),
        ),
        Panel(
            kind="barchart",
            title="From gross to net, by initiative",
            description="Gross value, its one-sided 90 % lower bound, cost, net value.",
            place=Place(x=14, y=13, w=10, h=10),
            queries=[
                Query(expr=f"sum by (use_case) ({name_of(stem, unit)}{_ALL})", table=True, ref=ref)
                for ref, stem in (
                    ("A", "aivalue_gross_value"),
                    ("B", "aivalue_lower_bound_value"),
                    ("C", "aivalue_cost"),
                    ("D", "aivalue_net_value"),
                )
            ],
            unit=money,
            options={
                "orientation": "horizontal",
                "xField": "use_case",
                "showValue": "auto",
                "stacking": "none",
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            },
            transformations=_merged("Gross", "Lower bound", "Cost", "Net"),
        ),
    ]  # fmt: skip


def _evidence() -> list[Panel]:
    return [
        Panel(
            kind="state-timeline",
            title="Significance over time",
            description="Whether each effect's interval excluded zero, as known at the time.",
            place=Place(x=0, y=23, w=8, h=9),
            queries=[
                Query(expr=f"aivalue_effect_significant{_ALL}", legend="{{use_case}} {{kpi}}")
            ],
            mappings=[_SIGNIFICANCE],
            options={"mergeValues": True, "showValue": "never", "rowHeight": 0.8},
        ),
        Panel(
            kind="table",
            title="Evidence",
            description="Estimator, grade and verdict of every KPI, refused ones included.",
            place=Place(x=8, y=23, w=10, h=9),
            queries=[Query(expr=f"aivalue_estimate_info{_ALL}", table=True)],
            options={"showHeader": True},
            transformations=_merged(hidden=("Value",)),
        ),
        Panel(
            kind="text",
            title="Method and caveats",
            description="",
            place=Place(x=18, y=23, w=6, h=9),
            options={"mode": "markdown", "content": _NOTE},
        ),
    ]


def _merged(*columns: str, hidden: tuple[str, ...] = ()) -> list[Json]:
    """Join the queries' rows by their labels and name the value columns, in query order."""
    excluded = ("Time", "__name__", "job", *hidden)
    renamed = {f"Value #{chr(ord('A') + each)}": name for each, name in enumerate(columns)}
    return [
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {
                "excludeByName": dict.fromkeys(excluded, True),
                "indexByName": {},
                "renameByName": renamed,
            },
        },
    ]
