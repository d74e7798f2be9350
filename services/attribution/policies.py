"""What another way of deciding would have brought: load the log, read it (pure), say so.

Nothing is stored: the answer names the position of the log and the digest of the decisions it was
read from, so asking again at the same position gives the same figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from aivalue.decisions.off_policy import DecisionLog, Policy, PolicyReading, read_policy
from aivalue.decisions.policy_value import Floats, Method
from aivalue.errors import NotEstimable
from aivalue.kpis.canonical import sha256_of
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.problems import DependencyUnavailable
from services.attribution.asking import get
from services.attribution.threads import beside_the_loop

_COLUMNS = ("decision", "action", "score", "propensity", "outcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which decisions, and what to make of them."""

    model: str
    kpi: str
    version: str | None
    start: date | None
    end: date | None
    policy: Policy
    method: Method
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyAnswer:
    """A reading, or why there is none.

    Attributes
    ----------
    logged : float or None
        Mean outcome of what was decided; None without a decision.
    """

    reading: PolicyReading | None
    refusal: str | None
    verdict: str | None
    n_decisions: int
    logged: float | None
    snapshot_id: str
    sha256: str


async def value_policy(ingest: ServiceClient, tenant: str, wanted: Wanted) -> PolicyAnswer:
    """Read the log and value the policy.

    Raises
    ------
    DependencyUnavailable
        Ingest does not answer, or answers what cannot be read.
    """
    params: dict[str, str] = {"model": wanted.model, "kpi": wanted.kpi}
    for name in ("version", "start", "end"):
        value = getattr(wanted, name)
        if value is not None:
            params[name] = str(value)
    answer = await get(ingest, "/v1/decisions", tenant, params)
    try:
        columns, snapshot_id = answer["columns"], answer["snapshot"]["id"]
        return await beside_the_loop(_answer, wanted, columns, snapshot_id)
    except (KeyError, TypeError, ValueError) as error:
        raise DependencyUnavailable(f"ingest's decisions cannot be read: {error!r}") from error


def _answer(wanted: Wanted, columns: Mapping[str, list[Any]], snapshot_id: str) -> PolicyAnswer:
    log = DecisionLog(
        outcome=_floats(columns["outcome"]),
        propensity=_floats(columns["propensity"]),
        action=tuple(columns["action"]),
        score=_floats(columns["score"]),
    )
    reading, refusal, verdict = None, None, None
    try:
        reading = read_policy(
            log, wanted.policy, method=wanted.method, confidence=wanted.confidence
        )
    except NotEstimable as error:
        refusal, verdict = str(error), error.verdict
    n = len(log.action)
    return PolicyAnswer(
        reading=reading,
        refusal=refusal,
        verdict=verdict,
        n_decisions=n,
        logged=float(log.outcome.mean()) if n else None,
        snapshot_id=snapshot_id,
        sha256=sha256_of({name: columns[name] for name in _COLUMNS}),
    )


def _floats(column: list[str | None]) -> Floats:
    return np.array([np.nan if cell is None else float(cell) for cell in column], np.float64)
