"""Events side by side, a column each of what every event has: half the price of an object each.

Nearly all are plain measurements, and of those nobody needs more than the columns.
"""

from array import array
from collections.abc import Iterable, Iterator, MutableSequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import cast

from aivalue.events.business import Arm, MeasurementRecorded, SeriesKey
from aivalue.events.event import Event

Measured = str | tuple[str, str] | None
"""A number, or a numerator and its denominator, as decimal text."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Columns:
    """Events in order; the index of an event is the same in every column.

    Attributes
    ----------
    days :
        Proleptic Gregorian ordinals of the business date.
    series, measured :
        Of a measurement which series it is of, and what it says; None of other events.
    whole :
        By index, the events that are more than their columns.
    """

    sources: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    microseconds: MutableSequence[int] = field(default_factory=partial(array, "q"))
    days: list[int] = field(default_factory=list)
    fingerprints: list[bytes] = field(default_factory=list)
    series: list[SeriesKey | None] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    whole: dict[int, Event] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event]) -> "Columns":
        """Set events side by side."""
        columns = cls()
        for event in events:
            columns.append(event)
        return columns

    def __len__(self) -> int:
        """Count the events."""
        return len(self.ids)

    def __iter__(self) -> Iterator[Event]:
        """Go through them one by one, slowly."""
        return map(self.event, range(len(self)))

    def append(self, event: Event) -> None:
        """Add an event."""
        self.whole[len(self)] = event
        self.sources.append(event.source)
        self.ids.append(event.id)
        self.types.append(event.type)
        self.microseconds.append(event.microseconds)
        self.days.append(event.day.toordinal())
        self.fingerprints.append(event.fingerprint)
        data = event.data
        if type(data) is MeasurementRecorded:
            self.series.append((data.kpi, data.unit, data.segment, data.arm))
            parts = (str(data.numerator), str(data.denominator))
            self.measured.append(parts if data.value is None else str(data.value))
        else:
            self.series.append(None)
            self.measured.append(None)

    def extend(self, others: "Columns") -> None:
        """Add events behind those that are here."""
        start = len(self)
        self.whole.update((start + index, event) for index, event in others.whole.items())
        self.sources += others.sources
        self.ids += others.ids
        self.types += others.types
        self.microseconds.extend(others.microseconds)
        self.days += others.days
        self.fingerprints += others.fingerprints
        self.series += others.series
        self.measured += others.measured

    def event(self, index: int) -> Event:
        """Return one event whole."""
        whole = self.whole.get(index)
        return self._plain(index) if whole is None else whole

    def _plain(self, index: int) -> Event:
        series, measured = self.series[index], self.measured[index]
        if series is None or measured is None:
            raise LookupError(f"event {self.ids[index]} is no measurement and is not here whole")
        kpi, unit, segment, arm = series
        parts = measured if isinstance(measured, tuple) else None
        return Event(
            source=self.sources[index],
            id=self.ids[index],
            type=self.types[index],
            time=_EPOCH + timedelta(microseconds=self.microseconds[index]),
            microseconds=self.microseconds[index],
            day=date.fromordinal(self.days[index]),
            data=MeasurementRecorded(
                kpi=kpi,
                unit=unit,
                segment=segment,
                arm=cast("Arm", arm),
                value=Decimal(measured) if isinstance(measured, str) else None,
                numerator=None if parts is None else Decimal(parts[0]),
                denominator=None if parts is None else Decimal(parts[1]),
            ),
            fingerprint=self.fingerprints[index],
        )
