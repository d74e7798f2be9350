"""What a mixed load costs beside one of measurements alone, in the same run and by turns.

Of 100 events 2 correct an earlier one, 1 retracts one, 5 are decisions, 3 their outcomes, 1 is sent
again and 4 tell of the day before; what is left are measurements of the last hours. Whatever is
derived from a corrected event is derived anew, and so are the statistics of its day.
"""

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from aivalue.events.topics import BUSINESS
from bench.ingest.contenders import CONTENDERS
from bench.ingest.load import (
    BATCH,
    N_KPIS,
    N_UNITS,
    SOURCE,
    STRUCTURED,
    Events,
    Headers,
    Numbered,
    n_distinct,
    produce,
)
from bench.ingest.measure import Result, turn
from bench.ingest.servers import Servers

# By the last two digits of an event's number.
CORRECTIONS: Final = (10, 60)
RETRACTIONS: Final = (30,)
DECISIONS: Final = (5, 25, 45, 65, 85)
# Each of the decision two before.
OUTCOMES: Final = (7, 27, 47)
REPETITIONS: Final = (99,)
LATE: Final = (11, 33, 55, 77)
HOURS: Final = 6


class Mixed:
    """Numbered events of all kinds, from 1 on."""

    def __init__(self, n_events: int, *, partitions: int) -> None:
        # What is corrected, retracted or sent again was sent so many events ago; on the same
        # partition, as a producer does.
        self.before = 2 * BATCH * partitions + 1
        now = datetime.now(UTC)
        self._start = now - timedelta(hours=HOURS)
        self._step = timedelta(hours=HOURS - 1) / n_events

    def record(self, number: int) -> tuple[bytes, bytes, Headers]:
        """Return key, value and headers of an event."""
        kind = number % 100
        before = number - self.before
        if before <= 0:
            return self._measurement(number)
        if kind in REPETITIONS:
            return self._measurement(before)
        if kind in CORRECTIONS:
            return self._measurement(before, corrected_by=number)
        other = _of_another_type(number, before)
        return self._measurement(number) if other is None else self._event(number, *other)

    def n_distinct(self, n_events: int) -> int:
        """Count the events that are no repetitions."""
        return n_events - sum(
            number % 100 in REPETITIONS for number in range(self.before + 1, n_events + 1)
        )

    def _measurement(
        self, number: int, *, corrected_by: int | None = None
    ) -> tuple[bytes, bytes, Headers]:
        value = f"{number % 9973}.{number % 97:02}"
        more = ""
        if corrected_by is not None:
            value, more = "7", f'"supersedes":"{_id(number)}",'
        data = f'{{"kpi":"kpi-{number % N_KPIS}","unit":"{_unit(number)}","value":"{value}"}}'
        moment = self._start + self._step * number
        if number % 100 in LATE:
            moment -= timedelta(days=1)
        return self._event(
            corrected_by or number, "aivalue.measurement.recorded.v1", data, moment, more
        )

    def _event(
        self,
        number: int,
        kind: str,
        data: str,
        moment: datetime | None = None,
        more: str = "",
    ) -> tuple[bytes, bytes, Headers]:
        moment = moment or self._start + self._step * number
        event = (
            f'{{"specversion":"1.0","id":"{_id(number)}","source":"{SOURCE}","type":"{kind}",'
            f'"time":"{moment.isoformat()}","datacontenttype":"application/json",{more}'
            f'"data":{data}}}'
        )
        return _unit(number).encode(), event.encode(), STRUCTURED


async def mixed(servers: Servers, *, n_events: int, rounds: int) -> dict[str, object]:
    """Store both loads by turns; print rates, cost and their ratios."""
    of_all_kinds = Mixed(n_events, partitions=servers.kafka.partitions)
    loads: dict[str, tuple[Numbered, int]] = {
        "plain": (Events("structured"), n_distinct(n_events, malformed=True)),
        "mixed": (of_all_kinds, of_all_kinds.n_distinct(n_events)),
    }
    for name, (events, _) in loads.items():
        await produce(servers.kafka, f"{name}.{BUSINESS}", events, n_events)
    results: dict[str, list[Result]] = {name: [] for name in loads}
    for number in range(rounds):
        for name, (_, expected) in loads.items():
            topic = f"{name}.{BUSINESS}"
            result = await turn(servers, CONTENDERS[0], topic, expected, name=f"{name}{number}")
            results[name].append(result)
            print(
                f"{name}   {result.per_second:8,.0f} events/s   CPU us/event: own "
                f"{result.own_cpu:5.1f}, PostgreSQL {result.postgres_cpu:5.1f}",
                flush=True,
            )
    figures = {name: _medians(each) for name, each in results.items()}
    plain, other = figures["plain"], figures["mixed"]
    ratios = {key: other[key] / plain[key] for key in plain}
    print("mixed over plain: " + ", ".join(f"{key} {ratios[key]:.2f}" for key in ratios))
    return {"events": n_events, "rounds": rounds, **figures, "ratios": ratios}


def _medians(results: Sequence[Result]) -> dict[str, float]:
    return {
        "events/s": statistics.median(each.per_second for each in results),
        "own CPU": statistics.median(each.own_cpu for each in results),
        "PostgreSQL's CPU": statistics.median(each.postgres_cpu for each in results),
    }


def _of_another_type(number: int, before: int) -> tuple[str, str] | None:
    """Return type and data of an event that is no measurement."""
    kind = number % 100
    if kind in RETRACTIONS:
        data = f'{{"source":"{SOURCE}","id":"{_id(before)}","reason":"sent by mistake"}}'
        return "aivalue.event.retracted.v1", data
    if kind in DECISIONS:
        data = (
            f'{{"decision":"d{number}","model":"m","version":"1","unit":"{_unit(number)}",'
            '"action":"inspect"}'
        )
        return "aivalue.decision.made.v1", data
    if kind in OUTCOMES:
        data = f'{{"decision":"d{number - 2}","kpi":"hit","label":true}}'
        return "aivalue.outcome.recorded.v1", data
    return None


def _id(number: int) -> str:
    return f"019a{number:012x}"


def _unit(number: int) -> str:
    return f"line-{number % N_UNITS:03}"
