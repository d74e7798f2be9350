"""Grafana panels as plain JSON: only the parts we use, spelled once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
DATASOURCE: Json = {"type": "prometheus", "uid": "prometheus"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a panel stands, on a grid of 24 columns."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One PromQL expression and what its series are called."""

    expr: str
    legend: str = ""
    table: bool = False
    ref: str = "A"

    def json(self) -> Json:
        """Return Grafana's target."""
        return {
            "datasource": DATASOURCE,
            "expr": self.expr,
            "legendFormat": self.legend or "__auto",
            "refId": self.ref,
            "format": "table" if self.table else "time_series",
            "instant": self.table,
            "range": not self.table,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel; `options` and `custom` are those of its kind."""

    kind: str
    title: str
    description: str
    place: Place
    queries: Sequence[Query] = ()
    unit: str = "short"
    decimals: int | None = None
    thresholds: Sequence[tuple[float | None, str]] = ((None, "text"),)
    options: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    mappings: Sequence[Json] = ()
    overrides: Sequence[Json] = ()
    transformations: Sequence[Json] = ()

    def json(self, panel_id: int) -> Json:
        """Return Grafana's panel."""
        defaults: Json = {
            "unit": self.unit,
            "custom": dict(self.custom),
            "mappings": list(self.mappings),
            "color": {"mode": "thresholds" if len(self.thresholds) > 1 else "palette-classic"},
            "thresholds": {
                "mode": "absolute",
                "steps": [{"value": value, "color": color} for value, color in self.thresholds],
            },
        }
        if self.decimals is not None:
            defaults["decimals"] = self.decimals
        place = self.place
        return {
            "id": panel_id,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "gridPos": {"x": place.x, "y": place.y, "w": place.w, "h": place.h},
            "datasource": DATASOURCE,
            "targets": [query.json() for query in self.queries],
            "options": dict(self.options),
            "fieldConfig": {"defaults": defaults, "overrides": list(self.overrides)},
            "transformations": list(self.transformations),
        }


def stat(
    title: str,
    expr: str,
    description: str,
    place: Place,
    *,
    unit: str,
    thresholds: Sequence[tuple[float | None, str]] = ((None, "text"),),
) -> Panel:
    """Show one number as it is now."""
    return Panel(
        kind="stat",
        title=title,
        description=description,
        place=place,
        queries=(Query(expr=expr, legend=title),),
        unit=unit,
        thresholds=thresholds,
        options={
            "colorMode": "value" if len(thresholds) > 1 else "none",
            "graphMode": "none",
            "justifyMode": "auto",
            "textMode": "value",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
    )


def override(name: str, *properties: tuple[str, Any]) -> Json:
    """Change how the series or column of this name looks."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": each, "value": value} for each, value in properties],
    }


def band(*, lower: str, upper: str, reference: str | None = None) -> list[Json]:
    """Fill between two series and dash the one that is compared with."""
    hidden = {"legend": True, "tooltip": False, "viz": False}
    found = [
        override(lower, ("custom.lineWidth", 0), ("custom.hideFrom", hidden)),
        override(
            upper,
            ("custom.lineWidth", 0),
            ("custom.hideFrom", hidden),
            ("custom.fillBelowTo", lower),
            ("custom.fillOpacity", 18),
        ),
    ]
    if reference is not None:
        dashes = {"fill": "dash", "dash": [8, 6]}
        found.append(override(reference, ("custom.lineStyle", dashes)))
    return found
