"""Baseline and attribution as reporting sees them: four initiatives, each of another fate."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import httpx

from aivalue.kpis.canonical import body_of, sha256_of
from aivalue.kpis.definition import Definition, Initiative, Kpi, Portfolio, Target
from aivalue.reports.value_report import CostReport, ValueReport
from aivalue.runtime.settings import AuthSettings, KafkaSettings, ServiceAddresses
from services.reporting.settings import ReportingGroup, ReportingSettings
from tests.unit.reports.builders import costs, interval, value

TENANT = "acme"
PLANT = Portfolio(
    key="plant", name="Plants", owner="Chief operating officer", reporting_currency="USD"
)
DOWNTIME = Kpi(
    key="downtime", process="line", name="Unplanned downtime", unit="min/h", better_when="lower",
    aggregation="ratio", numerator="minutes down", denominator="hours scheduled",
)  # fmt: skip
CLICKS = Kpi(
    key="clicks", process="shop", name="Click rate", unit="share", better_when="higher",
    aggregation="mean",
)  # fmt: skip
HANDLING = Kpi(
    key="handling", process="desk", name="Handling time", unit="min", better_when="lower",
    aggregation="mean",
)  # fmt: skip
REFUNDS = Kpi(
    key="refunds", process="desk", name="Refunds", unit="USD", better_when="lower",
    aggregation="sum",
)  # fmt: skip
ENERGY = Kpi(
    key="energy", process="line", name="Energy", unit="kWh", better_when="lower",
    aggregation="sum",
)  # fmt: skip
TICKETS = Kpi(
    key="tickets", process="desk", name="Tickets", unit="tickets", better_when="lower",
    aggregation="count",
)  # fmt: skip


def effect(kpi: Kpi, **fields: Any) -> dict[str, Any]:
    """Build an effect as attribution serves it: the KPI fell from 6 to 3.84, by 36 %."""
    return {
        "kpi": kpi.key,
        "scope": None,
        "unit": kpi.unit,
        "better_when": kpi.better_when,
        "kpi_version": 1,
        "verdict": "confirmed",
        "grade": "B",
        "grade_reasons": ["staggered roll-out, checks pass"],
        "refusal": None,
        "confidence": 0.95,
        "average": interval(-2.16, -2.64, -1.68),
        "relative": interval(-0.36, -0.44, -0.28),
        "observed": 3.84,
        "without_ai": 6.0,
        "months": [
            {"start": "2024-01-01", "end": "2024-02-01"},
            {"start": "2024-02-01", "end": "2024-03-01"},
        ],
        "n_treated": 20,
        "n_control": 4,
        "estimator": "difference_in_differences",
        "estimator_version": "1",
        **fields,
    }


def refused(kpi: Kpi, **fields: Any) -> dict[str, Any]:
    """Build an effect that could not be estimated."""
    nothing = dict.fromkeys(["grade", "average", "relative", "observed", "without_ai"])
    return effect(
        kpi,
        **nothing,
        verdict="below_sample_floor",
        refusal="12 events in the control arm, needs 100",
        months=[],
        estimator=None,
        estimator_version=None,
        n_treated=None,
        n_control=None,
        **fields,
    )


def definition(kind: str, each: Definition) -> dict[str, Any]:
    """Build a definition as baseline serves it."""
    body = body_of(each)
    return {
        "kind": kind, "key": each.key, "version": 1, "sha256": sha256_of(body),
        "valid_from": "2024-01-01T00:00:00Z", "body": body,
    }  # fmt: skip


def frozen(kpi: Kpi, *, version: int = 1, level: str = "6.1") -> dict[str, Any]:
    """Build a baseline as the baseline service serves it."""
    return {
        "baseline_id": f"bl-{kpi.key}-{version}", "kpi": kpi.key, "version": version,
        "start": "2023-01-01", "end": "2024-01-01", "level": level, "reconstructed": False,
        "sha256": "ab" * 32, "frozen_at": f"2024-01-0{version}T00:00:00Z", "superseded": False,
    }  # fmt: skip


@dataclass
class Programme:
    """One initiative as both services know it.

    `run_id` None is before its first run; `cost` is of one without `worth`.
    """

    initiative: Initiative
    kpis: list[Kpi]
    effects: list[dict[str, Any]] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    baselines: list[dict[str, Any]] = field(default_factory=list)
    worth: ValueReport | None = None
    cost: CostReport = field(default_factory=lambda: costs("40", currency="USD"))
    run_id: str | None = "run-1"
    pending: str | None = None


def initiative(key: str, **fields: Any) -> Initiative:
    """Build an initiative of the plant portfolio."""
    given = {"key": key, "portfolio": "plant", "name": key.title(), "owner": "Head", **fields}
    return Initiative.model_validate({"stage": "run", "go_live": "2024-01-01", **given})


def four_programmes() -> dict[str, Programme]:
    """Build one that earns, one that is unproven, one that was stopped at a loss, a new one."""
    aim = Target(
        key="fewer-stops", initiative="maintenance", kpi="downtime", kind="relative",
        amount=Decimal("0.30"), due=date(2024, 12, 31),
    )  # fmt: skip
    inconclusive = {
        "verdict": "inconclusive", "grade": "A", "average": interval(0.002, -0.001, 0.005),
        "relative": interval(0.01, -0.005, 0.025), "observed": 0.05, "without_ai": 0.048,
    }  # fmt: skip
    worse = {
        "verdict": "negative", "average": interval(1.5, 1.0, 2.0),
        "relative": interval(0.25, 0.2, 0.3), "observed": 7.5, "without_ai": 6.0,
    }  # fmt: skip
    found = [
        Programme(
            initiative("maintenance"),
            [DOWNTIME, ENERGY],
            effects=[effect(DOWNTIME), effect(ENERGY)],
            targets=[aim],
            baselines=[frozen(DOWNTIME, version=2), frozen(DOWNTIME, level="9")],
            worth=value(5_000, currency="USD", cost="1000"),
        ),
        Programme(
            initiative("recommender", stage="pilot"),
            [CLICKS],
            effects=[
                effect(CLICKS, **inconclusive),
                effect(CLICKS, scope="men"),
                refused(CLICKS, scope="women"),
            ],
        ),
        Programme(
            initiative("assistant", stage="stopped"),
            [HANDLING, REFUNDS, TICKETS],
            effects=[effect(HANDLING, **worse), refused(REFUNDS), effect(TICKETS)],
            worth=value(-300, currency="USD", cost="500"),
            pending="series handling changed",
        ),
        Programme(initiative("forecast", stage="approved", go_live=None), [HANDLING], run_id=None),
    ]
    return {each.initiative.key: each for each in found}


@dataclass
class Peers:
    """Both services behind transports; a test changes what they know and how they fail.

    `before` is called with every path, before it is answered. Who is `replaced` is answered for by
    somebody else, with a content type and a text.
    """

    programmes: dict[str, Programme] = field(default_factory=four_programmes)
    down: set[str] = field(default_factory=set)
    refusing: dict[str, int] = field(default_factory=dict)
    replaced: dict[str, tuple[str, str]] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _: None
    asked: list[tuple[str, httpx.Request]] = field(default_factory=list)

    def transport(self, peer: str) -> httpx.MockTransport:
        answer = {"baseline": self.baseline, "attribution": self.attribution}[peer]

        def handle(request: httpx.Request) -> httpx.Response:
            self.asked.append((peer, request))
            self.before(request.url.path)
            if peer in self.down:
                raise httpx.ConnectError("refused", request=request)
            if peer in self.refusing:
                return httpx.Response(self.refusing[peer])
            if peer in self.replaced:
                kind, text = self.replaced[peer]
                return httpx.Response(200, text=text, headers={"content-type": kind})
            return answer(request)

        return httpx.MockTransport(handle)

    def baseline(self, request: httpx.Request) -> httpx.Response:
        match request.url.path.split("/")[2:]:
            case ["initiatives"]:
                listed = [definition("initiative", each.initiative) for each in self._sorted()]
                return httpx.Response(200, json=listed)
            case ["initiatives", key] if key in self.programmes:
                return httpx.Response(200, json=self._defined(self.programmes[key]))
            case ["baselines"]:
                found = self.programmes[request.url.params["initiative"]].baselines
                at = int(request.url.params.get("cursor", "0"))
                after = str(at + 1) if at + 1 < len(found) else None
                page = {"baselines": found[at : at + 1], "next_cursor": after}
                return httpx.Response(200, json=page)
        return httpx.Response(404, json={"detail": "unknown"})

    def attribution(self, request: httpx.Request) -> httpx.Response:
        match request.url.path.split("/")[2:]:
            case ["initiatives"]:
                return self._runs(request.url.params.get("cursor"))
            case ["effects"]:
                return self._effects(request.url.params)
            case ["initiatives", key, "value"] if self.programmes[key].run_id:
                return httpx.Response(200, json=self._value(self.programmes[key]))
        return httpx.Response(404, json={"detail": "no run of it yet"})

    def _sorted(self) -> list[Programme]:
        return [self.programmes[key] for key in sorted(self.programmes)]

    def _defined(self, programme: Programme) -> dict[str, Any]:
        return {
            "initiative": definition("initiative", programme.initiative),
            "portfolio": definition("portfolio", PLANT),
            "processes": [],
            "kpis": [definition("kpi", each) for each in programme.kpis],
            "targets": [definition("target", each) for each in programme.targets],
            "design": None,
        }

    def _runs(self, cursor: str | None) -> httpx.Response:
        """Answer one initiative a page, so that every test follows the cursor."""
        run = [each for each in self._sorted() if each.run_id]
        rest = [each for each in run if cursor is None or each.initiative.key > cursor]
        page = [
            {
                "initiative": each.initiative.key, "run_id": each.run_id, "number": 1,
                "status": "completed", "recorded_at": "2024-03-02T12:00:00Z",
                "stale": each.pending is not None, "stale_reason": each.pending,
                "last_error": None,
            }
            for each in rest[:1]
        ]  # fmt: skip
        after = rest[0].initiative.key if len(rest) > 1 else None
        return httpx.Response(200, json={"initiatives": page, "next_cursor": after})

    def _effects(self, params: httpx.QueryParams) -> httpx.Response:
        programme = self.programmes[params["initiative"]]
        kpi, scope = params.get("kpi"), params.get("scope")
        found = [
            each
            for each in programme.effects
            if kpi in {None, each["kpi"]} and scope in {None, each["scope"] or ""}
        ]
        return httpx.Response(200, json={**self._from_run(programme), "effects": found})

    def _value(self, programme: Programme) -> dict[str, Any]:
        worth = programme.worth
        cost = programme.cost if worth is None else worth.cost
        return {
            **self._from_run(programme),
            "priced": worth is not None,
            "reason": None if worth else "no rule prices clicks",
            "unpriced": [],
            "currency": "USD",
            "value": None if worth is None else worth.model_dump(mode="json"),
            "cost": cost.model_dump(mode="json"),
        }

    def _from_run(self, programme: Programme) -> dict[str, Any]:
        return {
            "initiative": programme.initiative.key, "run_id": programme.run_id,
            "input_hash": "1" * 64, "output_hash": "2" * 64,
            "recorded_at": "2024-03-02T12:00:00Z",
        }  # fmt: skip


def settings(**fields: Any) -> ReportingSettings:
    """Build settings of a service that everyone may ask."""
    return ReportingSettings(
        **{
            "auth": AuthSettings(mode="open", open_tenant=TENANT),
            "kafka": KafkaSettings(tenants={TENANT: ""}),
            "services": ServiceAddresses(baseline="http://baseline", attribution="http://attr"),
            "reporting": ReportingGroup(),
            **fields,
        }
    )
