"""HTTP surface of overlaps: what initiatives brought together, from the newest run of each."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import Field

from aivalue.kpis.definition import Key
from aivalue.kpis.series import plain
from aivalue.runtime.auth import Reader
from services.attribution.dependencies import ReadConnection
from services.attribution.queries.runs import FullRun, newest_runs_by
from services.attribution.routes.shapes import IntervalShape, JointShape, Shape

router = APIRouter(prefix="/v1/overlaps", tags=["overlaps"])
ESTIMATOR = "joint_model"
RUNS_MAX = 1_000


class PartShape(Shape):
    """What one initiative's newest run is credited with, by its own rules."""

    initiative: str
    run_id: str
    total: IntervalShape | None = Field(description="Its share, level times volume.")
    currency: str | None = Field(description="Null where none of its rules prices the KPI.")
    amount: str | None


class OverlapResponse(Shape):
    """Initiatives that share units of a KPI, and what each is credited with."""

    kpi: str
    unit: str
    joint: JointShape = Field(description="As the newest of their runs has it.")
    parts: list[PartShape]
    amounts: dict[str, str] = Field(description="Currency -> sum of the parts.")
    settled: bool = Field(
        description="All newest runs are of the same data, so parts sum to the total."
    )


class OverlapsResponse(Shape):
    """Every overlap there is, by KPI and initiatives."""

    overlaps: list[OverlapResponse]


@router.get("")
async def list_overlaps(
    principal: Reader,
    connection: ReadConnection,
    kpi: Annotated[Key | None, Query(description="Of this KPI alone.")] = None,
) -> OverlapsResponse:
    """Return what initiatives on the same units brought together, from each one's newest run."""
    runs = await newest_runs_by(connection, principal.tenant, estimator=ESTIMATOR, limit=RUNS_MAX)
    return OverlapsResponse(overlaps=[each for each in _overlaps(runs) if kpi in {None, each.kpi}])


def _overlaps(runs: Iterable[FullRun]) -> list[OverlapResponse]:
    said: dict[tuple[str, tuple[str, ...]], list[tuple[FullRun, Mapping[str, Any], Any]]] = {}
    for run in runs:
        outputs = orjson.loads(run.outputs)
        for effect in outputs["effects"]:
            joint = effect.get("joint")
            if joint is not None:
                group = effect["kpi"], tuple(joint["initiatives"])
                said.setdefault(group, []).append((run, effect, outputs["value"]))
    return [_overlap(names, found) for (_, names), found in sorted(said.items())]


def _overlap(
    names: tuple[str, ...], found: list[tuple[FullRun, Mapping[str, Any], Any]]
) -> OverlapResponse:
    _, newest, _ = max(found, key=lambda each: each[0].run.recorded_at)
    parts = [_part(run, effect, value) for run, effect, value in found]
    amounts: dict[str, Decimal] = {}
    for part in parts:
        if part.currency is not None and part.amount is not None:
            so_far = amounts.get(part.currency, Decimal(0))
            amounts[part.currency] = so_far + Decimal(part.amount)
    digests = {effect["joint"]["sha256"] for _, effect, _ in found}
    return OverlapResponse(
        kpi=newest["kpi"],
        unit=newest["unit"],
        joint=JointShape.model_validate(newest["joint"]),
        parts=parts,
        amounts={currency: plain(amount) for currency, amount in sorted(amounts.items())},
        settled=len(digests) == 1 and [part.initiative for part in parts] == sorted(names),
    )


def _part(run: FullRun, effect: Mapping[str, Any], value: Mapping[str, Any]) -> PartShape:
    own = run.run.initiative
    amounts = [
        Decimal(share["amount"])
        for shared in value.get("shared", ())
        if shared["kpi"] == effect["kpi"]
        for share in shared["shares"]
        if share["initiative"] == own
    ]
    return PartShape(
        initiative=own,
        run_id=run.run.run_id,
        total=effect["total"],
        currency=value["currency"] if amounts else None,
        amount=plain(sum(amounts, Decimal(0))) if amounts else None,
    )
