"""Rows to events by a mapping: what a row says wrong is said back, cell by cell."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from aivalue.cli.events.cells import Unfit, converter, text_of
from aivalue.cli.events.mapping import LINE, ROW, TIME, Field
from aivalue.cli.events.mapping_file import PLACEHOLDER, MappingFile
from aivalue.cli.events.tables import Row, Table
from aivalue.errors import InvalidEvent
from aivalue.events.attributes import SPECVERSION
from aivalue.events.decode import decode_structured
from aivalue.events.event import Event
from aivalue.events.topics import DATA_BY_TYPE

_encoder = msgspec.json.Encoder(order="deterministic")
_TYPES = {data: name for name, data in DATA_BY_TYPE.items()}
_REQUIRED_TOGETHER = {"value", "numerator", "denominator"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellProblem:
    """What is wrong in one row; `column` is where, as the file names it."""

    column: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """An event, checked as ingest will check it, and its bytes."""

    event: Event
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """How one field is read."""

    name: str
    column: str
    origin: Field
    convert: Callable[[object], object]
    is_needed: bool


class Translation:
    """A mapping laid over the columns of a table.

    With `supersede` each event corrects the one that has the row's id; its own id has the
    backfill's name behind it.

    Raises
    ------
    InvalidMapping
        The table lacks a column that the mapping names.
    """

    def __init__(
        self,
        file: MappingFile,
        table: Table,
        *,
        now: datetime,
        backfill: str | None = None,
        supersede: bool = False,
    ) -> None:
        file.require_columns(table.columns, table=table.name)
        self._mapping = mapping = file.mapping
        self._now = now
        self._backfill = {} if backfill is None else {"backfillid": backfill}
        self._supersede = supersede
        self._empty = frozenset(mapping.empty) | {""}
        self._only = {column: frozenset(texts) for column, texts in mapping.only.items()}
        self._names = PLACEHOLDER.findall(mapping.identity)
        needed = {f.name for f in msgspec.structs.fields(mapping.shape.data) if f.required}
        if mapping.type == "measurement":
            needed |= _REQUIRED_TOGETHER
        self._readers = [
            self._reader(name, origin, is_needed=name in needed)
            for name, origin in mapping.origins().items()
            # Of the optional FOCUS columns an export has those of its version.
            if origin.column is None or origin.column in table.columns
        ]
        self._time = (
            None if mapping.time is None else self._reader(TIME, mapping.time, is_needed=True)
        )

    def wants(self, row: Row) -> bool:
        """Say whether the row is one of those to read."""
        return all(text_of(row.cells[column]) in texts for column, texts in self._only.items())

    def read(self, row: Row) -> Translated | list[CellProblem]:
        """Return the row's event, or everything that is wrong with it."""
        problems: list[CellProblem] = []
        data: dict[str, object] = {}
        for reader in self._readers:
            self._read(reader, row, data, problems)
        timed: dict[str, object] = {}
        if self._time is not None:
            self._read(self._time, row, timed, problems)
        if problems:
            return problems
        time = timed[TIME] if timed else data[self._mapping.shape.time_field]
        return self._event(row, data, str(time))

    def _event(
        self, row: Row, data: dict[str, object], time: str
    ) -> Translated | list[CellProblem]:
        identity = self._identity(row, data, time)
        identified = {"id": identity}
        if self._supersede:
            suffix = self._backfill["backfillid"]
            identified = {"id": f"{identity}/{suffix}", "supersedes": identity}
        value = _encoder.encode(
            {
                "specversion": SPECVERSION,
                **identified,
                "source": self._mapping.source,
                "type": _TYPES[self._mapping.shape.data],
                "time": time,
                "datacontenttype": "application/json",
                **self._backfill,
                "data": data,
            }
        )
        try:
            return Translated(event=decode_structured(value, now=self._now), value=value)
        except InvalidEvent as error:
            return [self._refused(error, row)]

    def _read(
        self, reader: _Reader, row: Row, data: dict[str, object], problems: list[CellProblem]
    ) -> None:
        origin = reader.origin
        cell: object = origin.constant
        if origin.column is not None:
            cell = row.cells[origin.column]
            if cell is None or (not isinstance(cell, dict | list) and self._is_empty(cell)):
                cell = origin.default
        if cell is None:
            if reader.is_needed:
                message = f"is empty, and {reader.name} is needed"
                problems.append(CellProblem(column=reader.column, message=message))
            return
        try:
            data[reader.name] = reader.convert(cell)
        except Unfit as unfit:
            problems.append(CellProblem(column=reader.column, message=str(unfit)))

    def _is_empty(self, cell: object) -> bool:
        return (cell.strip() if isinstance(cell, str) else str(cell)) in self._empty

    def _reader(self, name: str, origin: Field, *, is_needed: bool) -> _Reader:
        kind = "instant" if name == TIME else self._mapping.shape.kinds[name]
        return _Reader(
            name=name,
            column=origin.column or f"{name} (constant in the mapping)",
            origin=origin,
            convert=converter(origin, kind, timezone=self._mapping.timezone),
            is_needed=is_needed,
        )

    def _identity(self, row: Row, data: Mapping[str, object], time: str) -> str:
        texts: dict[str, str] = {}
        for name in self._names:
            if name == TIME:
                texts[name] = time
            elif name == LINE:
                texts[name] = str(row.number)
            elif name == ROW:
                texts[name] = _digest(row)
            elif name in self._mapping.shape.kinds:
                texts[name] = str(data.get(name, ""))
            else:
                texts[name] = "" if row.cells[name] is None else text_of(row.cells[name])
        return PLACEHOLDER.sub(lambda found: texts[found[1]], self._mapping.identity)

    def _refused(self, error: InvalidEvent, row: Row) -> CellProblem:
        name = error.path.removeprefix("$.").removeprefix("data.").partition(".")[0]
        if name == "data":
            # What concerns the data as a whole starts with the field that breaks it.
            name = str(error).partition(" ")[0]
        readers = [*self._readers, *([] if self._time is None else [self._time])]
        reader = next((each for each in readers if each.name == name), None)
        if reader is None and name == TIME:
            reader = next(each for each in readers if each.name == self._mapping.shape.time_field)
        if reader is None:
            return CellProblem(column=name if name == "id" else "", message=str(error))
        cell = reader.origin.constant or row.cells.get(reader.column)
        return CellProblem(column=reader.column, message=f'is "{cell}": {error}')


def _digest(row: Row) -> str:
    """Name a row by its content; the order of columns is no content."""
    said = sorted((name, str(cell)) for name, cell in row.cells.items() if cell is not None)
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:32]
