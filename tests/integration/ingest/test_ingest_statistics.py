"""Whether daily statistics equal a recomputation from the raw events, whatever happened to them.

Measurements, pairs of decisions and outcomes, corrections, retractions, backfills, their reverts
and the restoring of what was reverted, ids used twice, repetitions with or without a backfill,
events years late: in any order, cut into batches anywhere.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import reduce
from typing import Literal

import asyncpg
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aivalue.events.business import (
    BackfillReverted,
    EventRetracted,
    MeasurementRecorded,
    OutcomeRecorded,
)
from aivalue.events.encode import Message
from aivalue.events.event import Event
from aivalue.events.fields import EventData
from aivalue.events.kafka_binding import decode_record
from aivalue.events.model import DecisionMade
from aivalue.kpis.series import plain
from aivalue.measurements.daily_statistics import DailyStatistics, statistics_of
from aivalue.measurements.measurement import (
    Measurement,
    measurement_of,
    measurement_of_outcome,
)
from services.ingest.queries import reading
from services.ingest.storing.handler import Store
from tests.integration.ingest.material import (
    NOW,
    SOURCE,
    batch_of,
    claim,
    message,
    open_store,
)

Kind = Literal["measurement", "ratio", "decision", "outcome", "retraction", "revert"]
# Few of each, so that they meet: the same day, the same id, the same backfill.
IDS = [f"e{n}" for n in range(6)]
BACKFILLS = ["a", "b"]
DECISIONS = ["d0", "d1"]
# From a year before the start to a week after it.
HOURS = [0.0, 5.0, 30.0, -24.0 * 365]
_TENANTS = itertools.count(1)
# Each example is a dozen transactions; CI takes half a minute for these.
EXAMPLES = 60


@dataclass(frozen=True, kw_only=True)
class Told:
    """An event as somebody may tell it."""

    kind: Kind
    id: str
    value: str = "1"
    unit: str = "line-1"
    hours: float = 0
    about: str = ""
    supersedes: str | None = None
    backfill: str | None = None

    def message(self) -> Message:
        optional = {"supersedes": self.supersedes, "backfillid": self.backfill}
        present = {name: text for name, text in optional.items() if text is not None}
        return message(self.data(), self.id, hours=self.hours, **present)

    def data(self) -> EventData:
        match self.kind:
            case "measurement":
                return MeasurementRecorded(kpi="k", unit=self.unit, value=Decimal(self.value))
            case "ratio":
                return MeasurementRecorded(
                    kpi="k",
                    unit=self.unit,
                    numerator=Decimal(self.value),
                    denominator=Decimal("0.3"),
                )
            case "decision":
                return DecisionMade(
                    decision=self.about, model="m", version="1", unit=self.unit, action="show"
                )
            case "outcome":
                value = Decimal(self.value)
                return OutcomeRecorded(decision=self.about, kpi="k", label=True, value=value)
            case "retraction":
                return EventRetracted(source=SOURCE, id=self.about, reason="wrong")
            case "revert":
                return BackfillReverted(backfill=self.about, reason="wrong")


_VALUES = st.sampled_from(["0.1", "0.2", "-7", "1e12", "3.25", "0"])
_UNITS = st.sampled_from(["line-1", "line-2"])
_MAYBE_BACKFILL = st.none() | st.sampled_from(BACKFILLS)
_MEASURED = st.builds(
    Told,
    kind=st.sampled_from(["measurement", "measurement", "ratio"]),
    id=st.sampled_from(IDS),
    value=_VALUES,
    unit=_UNITS,
    hours=st.sampled_from(HOURS),
    supersedes=st.none() | st.sampled_from(IDS),
    backfill=_MAYBE_BACKFILL,
).filter(lambda told: told.supersedes != told.id)


def _half(kind: Kind) -> st.SearchStrategy[Told]:
    # One event per decision, and one per outcome: a second one is a dead letter, not a mix.
    return st.builds(
        lambda about, unit, backfill: Told(
            kind=kind, id=f"{kind}-{about}", about=about, unit=unit, value="4", backfill=backfill
        ),
        st.sampled_from(DECISIONS), _UNITS, _MAYBE_BACKFILL,
    )  # fmt: skip


_HALF_IDS = [f"{kind}-{each}" for kind in ("decision", "outcome") for each in DECISIONS]
_RETRACTED = st.sampled_from([*IDS, *_HALF_IDS]).map(
    lambda about: Told(kind="retraction", id=f"r-{about}", about=about)
)
_REVERTED = st.tuples(st.sampled_from(BACKFILLS), st.sampled_from("12")).map(
    lambda which: Told(kind="revert", id=f"revert-{which[0]}-{which[1]}", about=which[0])
)
# A revert is an event: it is withdrawn like any other.
_RESTORED = st.tuples(st.sampled_from(BACKFILLS), st.sampled_from("12")).map(
    lambda which: Told(kind="retraction", id="restore-" + "".join(which),
                       about=f"revert-{which[0]}-{which[1]}")
)  # fmt: skip
_TOLD = st.one_of(
    _MEASURED, _MEASURED, _MEASURED, _half("decision"), _half("outcome"), _RETRACTED, _REVERTED,
    _RESTORED,
)  # fmt: skip


@st.composite
def _deliveries(draw: st.DrawFn) -> list[list[Told]]:
    """Everything at least once, some of it again or with another backfill, in batches."""
    told = draw(st.lists(_TOLD, min_size=1, max_size=16))
    again = draw(st.lists(st.tuples(st.sampled_from(told), _MAYBE_BACKFILL), max_size=6))
    repeated = [
        each if each.kind in {"retraction", "revert"} else replace(each, backfill=backfill)
        for each, backfill in again
    ]
    ordered = draw(st.permutations([*told, *repeated]))
    cuts = sorted(draw(st.sets(st.integers(1, len(ordered)), max_size=5)) | {0, len(ordered)})
    return [ordered[first:last] for first, last in itertools.pairwise(cuts)]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=_deliveries())
async def test_statistics_equal_a_recomputation_after_any_mix(
    ingest_database: str, connection: asyncpg.Connection, batches: list[list[Told]]
) -> None:
    tenant = f"t{next(_TENANTS)}"
    writing, store = await _opened(ingest_database)

    reasons = [
        letter.reason
        for batch in batches
        for letter in (
            await store.store(
                writing,
                batch_of(await claim(writing, tenant=tenant), [each.message() for each in batch]),
            )
        ).dead
    ]

    assert set(reasons) <= {"already_retracted", "id_conflict"}
    raw = await _raw(connection, tenant)
    assert {event.id for event in raw} | _refused(batches, raw) == {
        each.id for batch in batches for each in batch
    }
    expected = _recomputed(raw, [each for batch in batches for each in batch])
    assert await _stored(connection, tenant) == expected


_OPENED: dict[str, tuple[asyncpg.Connection, Store]] = {}


async def _opened(address: str) -> tuple[asyncpg.Connection, Store]:
    """Open one connection for all examples; it goes with the database."""
    if address not in _OPENED:
        _OPENED[address] = await open_store(address)
    return _OPENED[address]


async def _raw(connection: asyncpg.Connection, tenant: str) -> list[Event]:
    """Read the raw events back."""
    rows = await connection.fetch(
        "select value, headers from ingest.events where tenant_id = $1", tenant
    )
    return [
        decode_record(
            row["value"],
            [(name, text.encode()) for name, text in msgspec.json.decode(row["headers"])],
            now=NOW,
        )
        for row in rows
    ]


def _refused(batches: Sequence[Sequence[Told]], raw: Sequence[Event]) -> set[str]:
    """Return retractions of what was retracted before by another event."""
    gone = {event.data.id for event in raw if isinstance(event.data, EventRetracted)}
    return {
        each.id for batch in batches for each in batch
        if each.kind == "retraction" and each.about in gone
    }  # fmt: skip


async def _stored(connection: asyncpg.Connection, tenant: str) -> dict[str, list[object]]:
    return await reading.series_columns(connection, tenant, "k", units=None, start=None, end=None)


@dataclass(kw_only=True)
class _Rules:
    """The rules of what holds, applied to all events at once, as their text says them."""

    events: Sequence[Event]
    brought: Mapping[str, set[str | None]]
    retracted: set[str] = field(init=False)
    reverted: set[str] = field(init=False)

    def __post_init__(self) -> None:
        data = [event.data for event in self.events]
        self.retracted = {each.id for each in data if isinstance(each, EventRetracted)}
        self.reverted = {
            event.data.backfill
            for event in self.events
            if isinstance(event.data, BackfillReverted) and event.id not in self.retracted
        }

    def holds(self, event: Event) -> bool:
        live = [each for each in self.events if each.supersedes and not self._gone(each)]
        if self._gone(event) or any(each.supersedes == event.id for each in live):
            return False
        rivals = [each for each in live if each.supersedes == event.supersedes]
        return event.supersedes is None or event.id == max(rivals, key=_rank).id

    def _gone(self, event: Event) -> bool:
        return event.id in self.retracted or self.brought[event.id] <= self.reverted


def _rank(event: Event) -> tuple[object, ...]:
    return (event.recordedtime or event.time, event.sequence or "", event.id)


def _recomputed(raw: Sequence[Event], told: Sequence[Told]) -> dict[str, list[object]]:
    """Derive the statistics of every day from the raw events and how they came."""
    fingerprints = {event.id: event.fingerprint for event in raw}
    brought: dict[str, set[str | None]] = {event.id: set() for event in raw}
    for each in told:
        sent = each.message()
        if decode_record(sent.value, sent.headers, now=NOW).fingerprint == fingerprints.get(
            each.id
        ):
            brought[each.id].add(each.backfill)
    rules = _Rules(events=raw, brought=brought)
    days: dict[tuple[str, ...], list[DailyStatistics]] = {}
    for measurement in _measurements([event for event in raw if rules.holds(event)]):
        place = (*measurement.series[1:], str(measurement.day))
        days.setdefault(place, []).append(statistics_of(measurement))
    columns: dict[str, list[object]] = {name: [] for name in reading.COLUMNS}
    for day in sorted(days):
        total = reduce(DailyStatistics.merge, days[day])
        cells = dict(zip(("unit", "segment", "arm", "day"), day, strict=True))
        for name in reading.COLUMNS:
            cell = cells.get(name) or getattr(total, name, "")
            columns[name].append(plain(cell) if isinstance(cell, Decimal) else cell)
    return columns


def _measurements(holding: Sequence[Event]) -> Iterator[Measurement]:
    made: dict[str, tuple[DecisionMade, date]] = {
        event.data.decision: (event.data, event.day)
        for event in holding
        if isinstance(event.data, DecisionMade)
    }
    for event in holding:
        measurement = measurement_of(event)
        if measurement is not None:
            yield measurement
        elif isinstance(event.data, OutcomeRecorded) and event.data.decision in made:
            decision, day = made[event.data.decision]
            yield measurement_of_outcome(decision, day, event.data)
