"""Whether what producers write with our own code reads back as what they meant."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.events.business import (
    BackfillReverted,
    CostCharged,
    EventRetracted,
    InterventionAssigned,
    MeasurementRecorded,
    OutcomeRecorded,
    RealizationRecorded,
)
from aivalue.events.changes import SeriesChanged, decode_change, encode_change
from aivalue.events.encode import kafka_message
from aivalue.events.fields import EventData, InstantWindow
from aivalue.events.kafka_binding import decode_record
from aivalue.events.model import (
    DecisionMade,
    DeploymentChanged,
    DriftDetected,
    ModelVersionRegistered,
    QualityMeasured,
)
from aivalue.events.topics import BUSINESS, DATA_BY_TYPE, MODEL, topic_of, type_of

NOW = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
WINDOW = InstantWindow(start=NOW - timedelta(hours=1), end=NOW)
EVERY_FAMILY: list[EventData] = [
    MeasurementRecorded(kpi="k", unit="u", numerator=Decimal(1), denominator=Decimal("0.5")),
    MeasurementRecorded(
        kpi="k", unit="u", segment="s", arm="holdout", value=Decimal("-1.50"),
        business_date=date(2026, 2, 1), window=WINDOW,
    ),
    OutcomeRecorded(decision="d", kpi="k", label=True, value=Decimal("3.2")),
    InterventionAssigned(
        initiative="i", unit="u", arm="treatment", start=NOW, assignment="random",
        randomized_by="unit",
    ),
    CostCharged(
        initiative="i", billed_cost=Decimal("10.01"), billing_currency="EUR",
        charge_period_start=WINDOW.start, charge_period_end=WINDOW.end, charge_category="Usage",
        service_category="AI", treatment="opex", status="billed", category="model",
        tags={"team": "x"},
    ),
    RealizationRecorded(
        initiative="i", kind="headcount", cost_centre="c", amount=Decimal(5), currency="EUR",
        date=date(2026, 2, 1), document="d",
    ),
    EventRetracted(source="s", id="e", reason="wrong line"),
    BackfillReverted(backfill="b", reason="wrong unit of measure"),
    ModelVersionRegistered(model="m", version="1"),
    DeploymentChanged(model="m", version="1", state="live"),
    DecisionMade(
        decision="d", model="m", version="1", unit="u", action="a", propensity=Decimal("0.25")
    ),
    QualityMeasured(model="m", version="1", metric="auc", value=Decimal("0.9"), window=WINDOW),
    DriftDetected(model="m", version="1", kind="data"),
]  # fmt: skip


def test_every_family_is_covered() -> None:
    assert {type_of(data) for data in EVERY_FAMILY} == set(DATA_BY_TYPE)


@pytest.mark.parametrize("data", EVERY_FAMILY, ids=lambda data: type(data).__name__)
@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_what_is_written_reads_back(data: EventData, mode: Literal["structured", "binary"]) -> None:
    message = kafka_message(data, source="urn:s", event_id="e-1", time=NOW, mode=mode)

    event = decode_record(message.value, message.headers, now=NOW)

    assert event.data == data
    assert (event.source, event.id, event.time) == ("urn:s", "e-1", NOW)


@given(
    value=st.decimals(
        min_value=Decimal("-1e12"), max_value=Decimal("1e12"), places=9, allow_nan=False
    ),
    hours=st.integers(-14, 14),
    name=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20),
)
def test_any_number_name_and_zone_survive(value: Decimal, hours: int, name: str) -> None:
    time = NOW.astimezone(timezone(timedelta(hours=hours)))
    data = MeasurementRecorded(kpi=name, unit=name, value=value)
    read = []
    for mode in ("structured", "binary"):
        message = kafka_message(data, source="s", event_id="i", time=time, mode=mode)
        read.append(decode_record(message.value, message.headers, now=NOW))

    assert read[0] == read[1]
    assert read[0].data == data
    assert read[0].day == time.date()


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        kafka_message(EVERY_FAMILY[0], source="s", event_id="i", time=datetime(2026, 1, 1))  # noqa: DTZ001 - the point


def test_families_go_to_their_topics() -> None:
    assert topic_of(MeasurementRecorded) == BUSINESS
    assert topic_of(DecisionMade) == MODEL


def test_changes_read_back_with_their_tenant() -> None:
    change = SeriesChanged(
        kpi="k", units=["u"], start=date(2026, 1, 1), end=date(2026, 1, 2), snapshot="s"
    )

    value = encode_change(change, tenant="acme", event_id="1", time=NOW)

    assert decode_change(value) == ("acme", change)
    assert decode_change(value.replace(b"series.changed.v1", b"series.changed.v9")) is None
