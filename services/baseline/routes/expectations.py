"""HTTP surface of expectations: what would have gone on, read from a frozen baseline."""

import asyncio
from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from aivalue.baselines.expected import Expectation, expected_levels
from aivalue.kpis.definition import Day
from aivalue.runtime.auth import Reader
from services.baseline.dependencies import Engine, KeyInPath
from services.baseline.drift import frozen_series, known
from services.baseline.routes.baselines import NOT_FOUND

router = APIRouter(prefix="/v1/baselines", tags=["baselines"])
DAYS_MAX = 1_100


class ExpectedDayResponse(BaseModel):
    """Expected level of one day with its interval, in the KPI's unit."""

    day: date
    level: float
    low: float
    high: float


class ExpectationResponse(BaseModel):
    """Expected levels, their mean, and how well the history predicts its own last quarter."""

    baseline_id: str
    kpi: str
    unit: str
    confidence: float
    mean: float
    mean_low: float
    mean_high: float
    backtest_error: float | None
    backtest_inside: float | None
    days: list[ExpectedDayResponse]


@router.get("/{baseline_id}/expected", responses=NOT_FOUND)
async def read_expected(
    baseline_id: KeyInPath,
    principal: Reader,
    engine: Engine,
    start: Annotated[Day, Query(description="First day.")],
    end: Annotated[Day, Query(description="Day after the last.")],
    confidence: Annotated[float, Query(ge=0.5, le=0.999)] = 0.95,
) -> ExpectationResponse:
    """Say what the process would show on later days had it gone on as in the baseline."""
    n_days = (end - start).days
    if not 0 < n_days <= DAYS_MAX:
        raise HTTPException(422, f"between 1 and {DAYS_MAX} days can be expected, got {n_days}")
    async with engine.connect() as connection:
        stored, kpi = await known(connection, principal.tenant, baseline_id)
        series = await frozen_series(connection, principal.tenant, stored)
    days = [start + timedelta(days=day) for day in range(n_days)]
    expectation: Expectation = await asyncio.to_thread(
        expected_levels, series, kpi=kpi, days=days, confidence=confidence
    )
    return ExpectationResponse.model_validate(
        {
            "baseline_id": baseline_id,
            "kpi": kpi.key,
            "unit": kpi.unit,
            "confidence": expectation.confidence,
            "mean": expectation.mean,
            "mean_low": expectation.mean_low,
            "mean_high": expectation.mean_high,
            "backtest_error": expectation.backtest_error,
            "backtest_inside": expectation.backtest_inside,
            "days": expectation.days,
        },
        from_attributes=True,
    )
