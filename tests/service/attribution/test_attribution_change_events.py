"""Whom an event of another service concerns."""

import json
from typing import Any

import pytest

from services.attribution.changes import Change, Unreadable, change_of, concerned

DESIGNS = {
    "pdm": frozenset({"downtime"}),
    "bot": frozenset({"minutes", "csat"}),
    "idle": frozenset(),
    "spares": frozenset({"downtime", "stock"}),
}


def event(kind: str, **data: Any) -> bytes:
    return json.dumps({"type": kind, "tenant": "t", "data": data}).encode()


@pytest.mark.parametrize(
    ("value", "initiatives"),
    [
        (event("aivalue.series.changed.v1", kpi="downtime", units=["l1"]), {"pdm", "spares"}),
        (event("aivalue.series.changed.v1", kpi="unused"), set()),
        (event("aivalue.interventions.changed.v1", initiative="bot"), {"bot"}),
        (event("aivalue.interventions.changed.v1", initiative="spares"), {"pdm", "spares"}),
        (event("aivalue.costs.changed.v1", initiative="bot"), {"bot"}),
        (event("aivalue.costs.changed.v1", initiative="pdm"), {"pdm"}),
        (event("aivalue.costs.changed.v1", initiative="not-defined"), set()),
        (event("aivalue.baseline.frozen.v1", initiative="pdm", kpi="downtime"), {"pdm", "spares"}),
        (
            event("aivalue.definitions.changed.v1", changes=[], initiatives=["pdm"]),
            {"pdm", "spares"},
        ),
        (event("aivalue.definitions.changed.v1", changes=[]), set(DESIGNS)),
    ],
)
def test_a_change_concerns_whoever_computes_with_it(value: bytes, initiatives: set[str]) -> None:
    change = change_of(value)

    assert change is not None
    assert change.tenant == "t"
    assert concerned(change, DESIGNS) == initiatives


@pytest.mark.parametrize(
    "kind", ["aivalue.attribution.completed.v1", "aivalue.valuation_rules.changed.v1"]
)
def test_its_own_events_concern_it_no_more(kind: str) -> None:
    assert change_of(event(kind, initiative="pdm")) is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        b"{}",
        json.dumps({"type": "aivalue.costs.changed.v1", "tenant": 7, "data": {}}).encode(),
        event("aivalue.costs.changed.v1"),
    ],
)
def test_what_is_no_event_of_ours_is_unreadable(value: bytes | None) -> None:
    with pytest.raises(Unreadable):
        change_of(value)


def test_a_change_of_nothing_named_concerns_everything() -> None:
    assert concerned(Change(tenant="t", reason="lost"), DESIGNS) == set(DESIGNS)
