"""Whether the log of decisions is what counts: with outcomes, in the version that holds."""

from decimal import Decimal

import httpx

from aivalue.events.business import OutcomeRecorded
from aivalue.events.model import DecisionMade
from tests.integration.ingest.material import BATCH, http_posted


def decision(name: str, *, action: str = "call", propensity: str = "0.7") -> DecisionMade:
    return DecisionMade(
        decision=name,
        model="retention",
        version="3",
        unit="north",
        action=action,
        score=Decimal("0.62"),
        propensity=Decimal(propensity),
    )


def outcome(name: str, *, value: Decimal | None = None) -> OutcomeRecorded:
    return OutcomeRecorded(decision=name, kpi="margin", label=True, value=value)


async def test_decisions_come_with_their_outcomes_and_as_corrected(
    client: httpx.AsyncClient,
) -> None:
    events = [
        http_posted("d1", decision("1")),
        http_posted("d2", decision("2", action="wait", propensity="0.30")),
        http_posted("d3", decision("3")),
        http_posted("o1", outcome("1", value=Decimal("12.50"))),
        http_posted("o2", outcome("2")),
        http_posted("d1b", decision("1", propensity="0.6"))
        | {"supersedes": "d1", "recordedtime": "2026-02-01T00:00:00Z"},
    ]
    for part in (events[:4], events[4:]):
        stored = await client.post("/v1/events", headers=BATCH, json=part)
        assert stored.status_code == 200, stored.text

    answer = await client.get("/v1/decisions", params={"model": "retention", "kpi": "margin"})
    other = await client.get("/v1/decisions", params={"model": "pricing", "kpi": "margin"})
    later = await client.get(
        "/v1/decisions", params={"model": "retention", "kpi": "margin", "start": "2099-01-01"}
    )

    found = answer.json()
    # The third has no outcome yet.
    assert found["n_rows"] == 2
    assert found["columns"] == {
        "decision": ["1", "2"],
        "version": ["3", "3"],
        "unit": ["north", "north"],
        "arm": ["", ""],
        "action": ["call", "wait"],
        "score": ["0.62", "0.62"],
        "propensity": ["0.6", "0.3"],
        "outcome": ["12.5", "1"],
    }
    assert other.json()["n_rows"] == later.json()["n_rows"] == 0
