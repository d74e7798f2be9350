"""A small programme with a known answer, and the ingest and baseline services that tell of it.

Twelve machines get the AI on 2024-03-01 and four never do; every machine has its own level, all
share a season. The AI lowers the defect count by exactly 2 a day: noise is the same on day d of a
month for treated and control, so it cancels and the known answer is met to rounding.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx

from aivalue.kpis.canonical import body_of, canonical_bytes, sha256_of
from aivalue.kpis.definition import DEFINITION_KINDS
from aivalue.kpis.series import COLUMNS, plain

INITIATIVE = "inspection"
KPI = "defects"
TREATED = [f"m{number:02}" for number in range(1, 13)]
CONTROLS = [f"m{number:02}" for number in range(13, 17)]
FIRST_DAY, GO_LIVE, LAST_DAY = date(2024, 1, 1), date(2024, 3, 1), date(2024, 6, 1)
EFFECT = Decimal(-2)
Json = dict[str, Any]


def definition(kind: str, key: str, /, *, version: int = 1, **body: Any) -> Json:
    """Write a definition as baseline answers with it."""
    known = body_of(DEFINITION_KINDS[kind].model_validate({"key": key, **body}))
    return {
        "kind": kind,
        "key": key,
        "version": version,
        "sha256": sha256_of(known),
        "valid_from": "2023-12-01T08:00:00Z",
        "body": known,
    }


def columns_of_values(values: Mapping[tuple[str, str, date], list[Decimal]]) -> Json:
    """Write (unit, arm, day) -> values as ingest's columns."""
    columns: Json = {name: [] for name in COLUMNS}
    for (unit, arm, day), numbers in sorted(values.items()):
        row = {
            "unit": unit,
            "segment": "",
            "arm": arm,
            "day": day.isoformat(),
            "n": len(numbers),
            "sum": plain(sum(numbers, Decimal(0))),
            "sum_squares": plain(sum((each * each for each in numbers), Decimal(0))),
            "minimum": plain(min(numbers)),
            "maximum": plain(max(numbers)),
        }
        for name in COLUMNS:
            columns[name].append(row.get(name, "0"))
    return columns


def machine_values(*, last: date = LAST_DAY) -> dict[tuple[str, str, date], list[Decimal]]:
    """Return defects per machine and day, with the AI's effect on the treated."""
    values = {}
    for index, unit in enumerate(TREATED + CONTROLS):
        for offset in range((last - FIRST_DAY).days):
            day = FIRST_DAY + timedelta(days=offset)
            season = Decimal(day.month) / 2
            noise = Decimal((offset * 7919) % 11 - 5) / 10
            effect = EFFECT if unit in TREATED and day >= GO_LIVE else Decimal(0)
            values[unit, "", day] = [Decimal(20 + index) + season + noise + effect]
    return values


def treatment(
    unit: str, *, start: str = "2024-03-01T00:00:00Z", initiative: str = INITIATIVE
) -> Json:
    """Write an intervention as ingest answers with it."""
    return {
        "initiative": initiative,
        "unit": unit,
        "arm": "treatment",
        "start": start,
        "end": None,
        "assignment": "phased",
        "randomized_by": None,
    }


def cost(number: int, *, month: int, amount: str, currency: str = "EUR") -> Json:
    """Write a cost entry as ingest answers with it."""
    return {
        "initiative": INITIATIVE,
        "billed_cost": amount,
        "billing_currency": currency,
        "charge_period_start": f"2024-{month:02}-01T00:00:00Z",
        "charge_period_end": f"2024-{month:02}-28T00:00:00Z",
        "charge_category": "Usage",
        "service_category": "AI and Machine Learning",
        "treatment": "opex",
        "status": "billed",
        "category": "model",
        "effective_cost": None,
        "description": "",
        "invoice_id": "",
        "tags": {},
        "source": "urn:test:erp",
        "id": f"cost-{number}",
    }


def programme(initiative: str = INITIATIVE, **tags: str) -> dict[str, Any]:
    """Return the definitions of an initiative, as GET /v1/initiatives/{key} answers."""
    return {
        "initiative": definition(
            "initiative",
            initiative,
            tags=tags,
            portfolio="plants",
            name="Visual inspection",
            owner="Head of quality",
            stage="run",
            go_live="2024-03-01",
        ),
        "portfolio": definition(
            "portfolio", "plants", name="Plants", owner="COO", reporting_currency="EUR"
        ),
        "processes": [
            definition("process", "moulding", name="Moulding", unit_of_analysis="machine")
        ],
        "kpis": [
            definition(
                "kpi",
                KPI,
                process="moulding",
                name="Defects",
                unit="events",
                better_when="lower",
                aggregation="mean",
            )
        ],
        "targets": [],
        "design": definition(
            "design",
            initiative,
            kpis=[KPI],
            assignment="phased",
            baseline={"start": "2024-01-01", "end": "2024-03-01"},
        ),
    }


@dataclass
class Peers:
    """Ingest and baseline, answering what a test sets, in the shapes of their contracts."""

    programme: Json = field(default_factory=programme)
    others: dict[str, Json] = field(default_factory=dict)
    series: dict[str, Json] = field(
        default_factory=lambda: {KPI: columns_of_values(machine_values())}
    )
    interventions: list[Json] = field(default_factory=lambda: [treatment(unit) for unit in TREATED])
    costs: list[Json] = field(default_factory=list)
    baselines: dict[str, tuple[Json, bytes]] = field(default_factory=dict)
    older: dict[tuple[str, int], Json] = field(default_factory=dict)
    design_versions: list[Json] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=lambda: ["5" * 64])
    away: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def ingest(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if "ingest" in self.away:
            raise httpx.ConnectError("connection refused")
        snapshot = self._snapshot()
        match request.url.path:
            case "/v1/series":
                kpi = request.url.params["kpi"]
                columns = self.series.get(kpi) or columns_of_values({})
                body = {"kpi": kpi, "n_rows": len(columns["unit"]), "columns": columns}
            case "/v1/interventions":
                asked = request.url.params.get_list("initiative")
                kept = [each for each in self.interventions if each["initiative"] in asked]
                body = {"interventions": kept}
            case "/v1/costs":
                body = {"costs": self.costs}
            case _:
                return httpx.Response(404)
        return httpx.Response(200, json={**body, "snapshot": snapshot})

    def baseline(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if "baseline" in self.away:
            return httpx.Response(503)
        path, params = request.url.path, request.url.params
        known = {INITIATIVE: self.programme, **self.others}
        named = path.rsplit("/", 1)[1]
        if path == f"/v1/initiatives/{named}" and named in known:
            body: Json = known[named]
        elif path == "/v1/definitions":
            designs = [each["design"] for each in known.values() if each["design"] is not None]
            body = {"definitions": designs, "next_cursor": None}
        elif path == f"/v1/definitions/initiative/{named}":
            body = known[named]["initiative"]
        elif path.startswith("/v1/definitions/kpi/"):
            body = self.older[path.rsplit("/", 1)[1], int(params["version"])]
        elif path == f"/v1/definitions/design/{INITIATIVE}/history" and self.design_versions:
            body = {"versions": self.design_versions}
        elif path == "/v1/baselines":
            is_own = params["initiative"] == INITIATIVE
            frozen = self.baselines.get(params["kpi"]) if is_own else None
            body = {"baselines": [frozen[0]] if frozen else [], "next_cursor": None}
        else:
            return self._content(path)
        return httpx.Response(200, json=body)

    def freeze(self, kpi: str = KPI, *, reconstructed: bool = False) -> None:
        """Freeze January and February as baseline does."""
        values = {key: each for key, each in machine_values().items() if key[2] < GO_LIVE}
        content = canonical_bytes(
            {
                "initiative": INITIATIVE,
                "kpi": kpi,
                "kpi_version": 1,
                "start": FIRST_DAY.isoformat(),
                "end": GO_LIVE.isoformat(),
                "columns": columns_of_values(values),
            }
        )
        digest = hashlib.sha256(content).hexdigest()
        head = {
            "baseline_id": f"bl-{digest[:32]}",
            "initiative": INITIATIVE,
            "kpi": kpi,
            "kpi_version": 1,
            "version": 1,
            "status": "frozen",
            "start": FIRST_DAY.isoformat(),
            "end": GO_LIVE.isoformat(),
            "units": [*TREATED, *CONTROLS],
            "coverage": {"expected_unit_days": 960, "observed_unit_days": 960, "ratio": "1"},
            "reconstructed": reconstructed,
            "reason": "before go-live",
            "sha256": digest,
            "snapshot": {"id": "4" * 64, "positions": []},
            "frozen_at": "2024-02-28T12:00:00Z",
            "frozen_by": "local",
            "level": "28.2",
            "n": 960,
        }
        self.baselines[kpi] = head, content

    def _content(self, path: str) -> httpx.Response:
        for head, content in self.baselines.values():
            if path == f"/v1/baselines/{head['baseline_id']}/content":
                return httpx.Response(200, content=content)
        return httpx.Response(404, json={"title": "Not Found", "status": 404})

    def _snapshot(self) -> Json:
        """Return the present position; with several left, the log moves on with every answer."""
        now = self.snapshots.pop(0) if len(self.snapshots) > 1 else self.snapshots[0]
        position = {"topic": "t", "incarnation": 1, "partition": 0, "next_offset": 7}
        return {"id": now, "positions": [position]}


RULE: Json = {
    "kind": "valuation_rule",
    "key": "inspection-scrap",
    "body": {
        "initiative": INITIATIVE,
        "kpi": KPI,
        "name": "Scrap avoided",
        "rate": "10",
        "currency": "EUR",
        "category": "hard_cost",
    },
}
