"""What another threshold would have brought, from decisions that were told to the real ingest."""

from decimal import Decimal

import httpx
import numpy as np
import pytest

from aivalue.events.business import OutcomeRecorded
from aivalue.events.encode import http_event
from aivalue.events.model import DecisionMade
from tests.contract.system import BATCH, MIDNIGHT, System

N = 400
PATH = "/v1/policies/value"
ABOUT = {"model": "retention", "kpi": "margin"}


async def tell_decisions(ingest: httpx.AsyncClient, *, propensity: str | None = "0.5") -> float:
    """Toss a coin on every case; calling brings score - 0.4. Return what calling from 0.4 brings.

    Scores are 0, 1/N, 2/N ... so the truth is the mean of what is above 0.4.
    """
    rng = np.random.default_rng(11)
    events = []
    for number in range(N):
        score, called = number / N, bool(rng.random() < 0.5)
        brought = Decimal(f"{(score - 0.4 if called else 0) + rng.normal(0, 0.05):.4f}")
        made = DecisionMade(
            decision=f"{number:05}",
            model="retention",
            version="3",
            unit="north",
            action="call" if called else "wait",
            score=Decimal(f"{score:.6f}"),
            propensity=None if propensity is None else Decimal(propensity),
        )
        came = OutcomeRecorded(decision=made.decision, kpi="margin", label=True, value=brought)
        for kind, data in (("d", made), ("o", came)):
            events.append(
                http_event(data, source="urn:test", event_id=f"{kind}{number}", time=MIDNIGHT)
            )
    for start in range(0, len(events), BATCH):
        answer = await ingest.post(
            "/v1/events",
            headers={"content-type": "application/cloudevents-batch+json"},
            json=events[start : start + BATCH],
        )
        assert answer.status_code == 200, answer.text
    return float(np.mean([max(number / N - 0.4, 0) for number in range(N)]))


async def test_a_threshold_is_valued_three_ways_with_its_gain(system: System) -> None:
    truth = await tell_decisions(system.ingest)
    policy: dict[str, str | float] = {"threshold": 0.4, "at_least": "call", "below": "wait"}

    response = await system.attribution.get(PATH, params={**ABOUT, **policy})
    robust = await system.attribution.get(
        PATH, params={**ABOUT, **policy, "method": "doubly_robust"}
    )

    assert response.status_code == 200, response.text
    found = response.json()
    assert found["n_decisions"] == N
    assert found["grade"] == "C"
    assert found["value"]["method"] == "self_normalized"
    readings = [found["value"], *found["others"]]
    assert {each["method"] for each in readings} == {
        "inverse_propensity",
        "self_normalized",
        "doubly_robust",
    }
    for each in readings:
        assert each["value"]["low"] < truth < each["value"]["high"], each["method"]
        assert each["effective_n"] == pytest.approx(N / 2, rel=0.15)
    assert found["value"]["gain"]["low"] > 0
    assert robust.json()["value"] in found["others"]
    assert robust.json()["sha256"] == found["sha256"]


async def test_what_the_log_cannot_say_is_refused_with_its_reason(system: System) -> None:
    await tell_decisions(system.ingest, propensity=None)

    without = await system.attribution.get(PATH, params={**ABOUT, "always": "call"})
    nobody = await system.attribution.get(
        PATH, params={"model": "unheard-of", "kpi": "margin", "always": "call"}
    )
    unclear = await system.attribution.get(
        PATH, params={**ABOUT, "always": "call", "threshold": 0.4}
    )

    assert without.json()["value"] is None
    assert without.json()["refusal"] == f"{N} of {N} decisions have no propensity"
    assert without.json()["verdict"] == "unverifiable"
    assert nobody.json()["n_decisions"] == 0
    assert nobody.json()["logged"] is None
    assert nobody.json()["verdict"] == "below_sample_floor"
    assert unclear.status_code == 422


@pytest.mark.parametrize(
    "odd",
    [
        {"always": "call", "start": "2024-02-01", "end": "2024-01-01"},
        {"always": "call", "model": "a\0b"},
        {"threshold": "nan", "at_least": "call", "below": "wait"},
    ],
)
async def test_a_question_that_ingest_would_refuse_is_the_caller_s_mistake(
    system: System, odd: dict[str, str]
) -> None:
    refused = await system.attribution.get(PATH, params={**ABOUT, **odd})

    assert refused.status_code == 422, refused.text
