"""Whether daily statistics equal a recomputation from the raw events, whatever happened to them.

Measurements, pairs of decisions and outcomes, corrections of all three, retractions (also of
corrections), backfills, their reverts and the restoring of what was reverted, ids used twice,
repetitions with or without a backfill, events years late: in any order, cut into batches anywhere,
one after the other or by two workers at once.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import reduce
from typing import Literal

import asyncpg
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
from services.ingest.batch import DeadLetter
from services.ingest.queries import asked
from services.ingest.storing.handler import REASONS
from services.ingest.storing.keys import Stored
from tests.integration.ingest.material import NOW, SOURCE, message
from tests.integration.ingest.rivals import Rivals
from tests.model.daily_statistics import DailyStatistics, statistics_of
from tests.model.measured import Measurement, measurement_of, measurement_of_outcome
from tests.stored import stored_records

Kind = Literal["measurement", "ratio", "decision", "outcome", "retraction", "revert"]
# Few of each, so that they meet: the same day, the same id, the same backfill.
IDS = [f"e{n}" for n in range(6)]
BACKFILLS = ["a", "b"]
DECISIONS = ["d0", "d1"]
RECORDED = ["2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"]
# From a year before the start to a week after it.
HOURS = [0.0, 5.0, 30.0, -24.0 * 365]
_TENANTS = itertools.count(1)
# Each example is a dozen transactions; CI takes a quarter of a minute for these.
EXAMPLES = 100


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
    recorded: str | None = None
    backfill: str | None = None
    through: str | None = None

    def message(self) -> Message:
        optional = {
            "supersedes": self.supersedes,
            "recordedtime": self.recorded,
            "backfillid": self.backfill,
        }
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
                through = {"through_source": SOURCE, "through_id": self.through}
                return BackfillReverted(
                    backfill=self.about, reason="wrong", **(through if self.through else {})
                )


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


# Of every half the first, two corrections, and a second first, which is a dead letter while the
# first one holds. A correction may concern any of the others, or the half of another decision.
_HALF_IDS = [
    f"{kind}-{about}-{n}"
    for kind in ("decision", "outcome")
    for about in DECISIONS
    for n in range(4)
]


def _half(kind: Kind) -> st.SearchStrategy[Told]:
    def told(about: str, n: int, unit: str, value: str, more: tuple[str | None, ...]) -> Told:
        supersedes, recorded, backfill = more
        corrects = n in {1, 2}
        return Told(
            kind=kind, id=f"{kind}-{about}-{n}", about=about, unit=unit, value=value,
            supersedes=supersedes or f"{kind}-{about}-0" if corrects else None,
            recorded=recorded if corrects else None, backfill=backfill,
        )  # fmt: skip

    more = st.tuples(
        st.none() | st.sampled_from(_HALF_IDS), st.none() | st.sampled_from(RECORDED),
        _MAYBE_BACKFILL,
    )  # fmt: skip
    return st.builds(
        told, st.sampled_from(DECISIONS), st.sampled_from([0, 0, 0, 1, 1, 2, 3]), _UNITS,
        st.sampled_from(["4", "5"]), more,
    ).filter(lambda each: each.supersedes != each.id)  # fmt: skip


_RETRACTED = st.sampled_from([*IDS, *_HALF_IDS]).map(
    lambda about: Told(kind="retraction", id=f"r-{about}", about=about)
)
# Of all of a backfill, or a slice of it: up to an event, which need not be one of its own.
_REVERTED = st.tuples(
    st.sampled_from(BACKFILLS), st.sampled_from("12"),
    st.none() | st.sampled_from([*IDS, *_HALF_IDS[::3]]),
).map(
    lambda which: Told(
        kind="revert", id=f"revert-{which[0]}-{which[1]}", about=which[0], through=which[2]
    )
)  # fmt: skip
# A revert is an event: it is withdrawn like any other.
_RESTORED = st.tuples(st.sampled_from(BACKFILLS), st.sampled_from("12")).map(
    lambda which: Told(kind="retraction", id="restore-" + "".join(which),
                       about=f"revert-{which[0]}-{which[1]}")
)  # fmt: skip
_TOLD = st.one_of(
    _MEASURED, _MEASURED, _half("decision"), _half("decision"), _half("outcome"), _half("outcome"),
    _RETRACTED, _REVERTED, _RESTORED,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A batch; a rival's is stored while the transaction of the one before is still open."""

    told: Sequence[Told]
    is_rival: bool = False

    def messages(self) -> list[Message]:
        return [each.message() for each in self.told]


@st.composite
def _deliveries(draw: st.DrawFn) -> list[Delivery]:
    """Everything at least once, some of it again or with another backfill, in batches."""
    told = draw(st.lists(_TOLD, min_size=1, max_size=16))
    again = draw(st.lists(st.tuples(st.sampled_from(told), _MAYBE_BACKFILL), max_size=6))
    repeated = [
        each if each.kind in {"retraction", "revert"} else replace(each, backfill=backfill)
        for each, backfill in again
    ]
    ordered = draw(st.permutations([*told, *repeated]))
    cuts = sorted(draw(st.sets(st.integers(1, len(ordered)), max_size=5)) | {0, len(ordered)})
    return [
        Delivery(told=ordered[first:last], is_rival=draw(st.booleans()))
        for first, last in itertools.pairwise(cuts)
    ]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(deliveries=_deliveries())
async def test_statistics_equal_a_recomputation_after_any_mix(
    ingest_database: str, connection: asyncpg.Connection, deliveries: list[Delivery]
) -> None:
    tenant = f"t{next(_TENANTS)}"
    rivals = await _opened(ingest_database)

    accepted: list[Told] = []
    dead: list[DeadLetter] = []
    for told, stored in await _stored_by(rivals, tenant, deliveries):
        accepted += [each for seq, each in enumerate(told) if seq not in stored.refused]
        dead += stored.dead

    raw = await _raw(connection, tenant)
    assert {letter.reason for letter in dead} <= REASONS.keys() - {"refused_by_database"}
    # Nothing is missing: what was told is stored, or a dead letter.
    ids = {each.id for delivery in deliveries for each in delivery.told}
    assert {event.id for event in raw} | {letter.event_id for letter in dead} == ids
    assert {each.id for each in accepted} == {event.id for event in raw}
    assert await _stored(connection, tenant) == _recomputed(raw, accepted)


async def _stored_by(
    rivals: Rivals, tenant: str, deliveries: Sequence[Delivery]
) -> list[tuple[Sequence[Told], Stored]]:
    """Store batches by turns; return what became of each."""
    said: list[tuple[Sequence[Told], Stored]] = []
    rest = list(deliveries)
    while rest:
        one = rest.pop(0)
        if rest and rest[0].is_rival:
            other = rest.pop(0)
            both = await rivals.deliver(tenant, one.messages(), other.messages())
            said += zip((one.told, other.told), both, strict=True)
        else:
            said.append((one.told, await rivals.first.deliver(tenant, one.messages())))
    return said


_OPENED: dict[str, Rivals] = {}


async def _opened(address: str) -> Rivals:
    """Open connections for all examples; they go with the database."""
    if address not in _OPENED:
        _OPENED[address] = await Rivals.open(address)
    return _OPENED[address]


async def _raw(connection: asyncpg.Connection, tenant: str) -> list[Event]:
    """Read the raw events back."""
    records = await stored_records(connection, tenant)
    return [decode_record(record.value, record.headers, now=NOW) for record in records]


async def _stored(connection: asyncpg.Connection, tenant: str) -> dict[str, list[object]]:
    return await asked.series_columns(connection, tenant, "k", units=None, start=None, end=None)


@dataclass(kw_only=True)
class _Rules:
    """The rules of what holds, applied to all events at once, as their text says them."""

    events: Sequence[Event]
    brought: Mapping[str, set[str | None]]
    retracted: set[str] = field(init=False)
    reverted: list[BackfillReverted] = field(init=False)

    def __post_init__(self) -> None:
        data = [event.data for event in self.events]
        self.retracted = {each.id for each in data if isinstance(each, EventRetracted)}
        self.reverted = [
            event.data
            for event in self.events
            if isinstance(event.data, BackfillReverted) and event.id not in self.retracted
        ]

    def holds(self, event: Event) -> bool:
        live = [each for each in self.events if each.supersedes and not self._gone(each)]
        if self._gone(event) or any(each.supersedes == event.id for each in live):
            return False
        rivals = [each for each in live if each.supersedes == event.supersedes]
        return event.supersedes is None or event.id == max(rivals, key=_rank).id

    def _gone(self, event: Event) -> bool:
        # Every event here is of one source, so that the order of slices is that of ids.
        reverted = {
            each.backfill
            for each in self.reverted
            if each.through_id is None or event.id <= each.through_id
        }
        return event.id in self.retracted or self.brought[event.id] <= reverted


def _rank(event: Event) -> tuple[object, ...]:
    return (event.recordedtime or event.time, event.sequence or "", event.id)


def _recomputed(raw: Sequence[Event], accepted: Sequence[Told]) -> dict[str, list[object]]:
    """Derive the statistics of every day from the raw events and how they came."""
    brought: dict[str, set[str | None]] = {event.id: set() for event in raw}
    for each in accepted:
        brought[each.id].add(each.backfill)
    rules = _Rules(events=raw, brought=brought)
    days: dict[tuple[str, ...], list[DailyStatistics]] = {}
    for measurement in _measurements([event for event in raw if rules.holds(event)]):
        place = (*measurement.series[1:], str(measurement.day))
        days.setdefault(place, []).append(statistics_of(measurement))
    columns: dict[str, list[object]] = {name: [] for name in asked.COLUMNS}
    for day in sorted(days):
        total = reduce(DailyStatistics.merge, days[day])
        cells = dict(zip(("unit", "segment", "arm", "day"), day, strict=True))
        for name in asked.COLUMNS:
            cell = cells.get(name) or getattr(total, name, "")
            columns[name].append(plain(cell) if isinstance(cell, Decimal) else cell)
    return columns


def _measurements(holding: Sequence[Event]) -> Iterator[Measurement]:
    """Measure; of several halves that hold, the one that was recorded last counts."""
    made: dict[str, Event] = {}
    came: dict[str, Event] = {}
    for event in sorted(holding, key=_rank):
        measurement = measurement_of(event)
        if measurement is not None:
            yield measurement
        elif isinstance(event.data, DecisionMade):
            made[event.data.decision] = event
        elif isinstance(event.data, OutcomeRecorded):
            came[event.data.decision] = event
    for name, outcome in came.items():
        if name in made:
            decision = made[name]
            assert isinstance(decision.data, DecisionMade)
            assert isinstance(outcome.data, OutcomeRecorded)
            yield measurement_of_outcome(decision.data, decision.day, outcome.data)
