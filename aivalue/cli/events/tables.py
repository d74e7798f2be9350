"""Rows from CSV, Parquet and XLSX files, a bounded number of them in memory at a time."""

import asyncio
import contextlib
import csv
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from aivalue.cli.events.mapping import Mapping
from aivalue.errors import AivalueError

READ_ROWS = 1_000
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".xlsx")
LIBRARIES = {".parquet": "pyarrow", ".pq": "pyarrow", ".xlsx": "openpyxl"}


class UnreadableTable(AivalueError):
    """The file as a whole is not the table it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; `problem` says why its cells could not be told apart, then it has none."""

    number: int
    cells: dict[str, object]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Named columns and the rows below them; `n_rows` is None where only reading tells."""

    name: str
    columns: tuple[str, ...]
    rows: AsyncIterator[Row]
    n_rows: int | None = None


class _CsvReader(Protocol):
    """What csv.reader returns."""

    @property
    def line_num(self) -> int:
        """Return how many lines were read."""

    def __next__(self) -> list[str]:
        """Return the next row."""


@contextlib.asynccontextmanager
async def file_table(path: Path, mapping: Mapping) -> AsyncIterator[Table]:
    """Open a file by its suffix.

    Raises
    ------
    UnreadableTable
        Another suffix, no library for it, no header, a column name twice, or not such a file.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UnreadableTable(f"{path} ends in {suffix!r}, needs one of {', '.join(SUFFIXES)}")
    library = LIBRARIES.get(suffix)
    if library is not None and find_spec(library) is None:
        raise UnreadableTable(
            f"{path} is read with {library}: pip install {library}, or convert it to CSV"
        )
    reader = {".parquet": _parquet, ".pq": _parquet, ".xlsx": _xlsx}.get(suffix, _csv)
    with reader(path, mapping) as table:
        twice = {name for name in table.columns if table.columns.count(name) > 1}
        if twice:
            raise UnreadableTable(f"{path}:1: columns stand twice: {', '.join(sorted(twice))}")
        yield table


@contextlib.contextmanager
def _csv(path: Path, mapping: Mapping) -> Iterator[Table]:
    try:
        with path.open(newline="", encoding=mapping.encoding) as file:
            reader = csv.reader(file, delimiter=mapping.delimiter, strict=True)
            try:
                header = next(reader, None)
            except csv.Error as error:
                raise UnreadableTable(f"{path}:1: is not CSV: {error}") from error
            if not header:
                raise UnreadableTable(f"{path}:1: has no header")
            columns = tuple(name.strip() for name in header)
            yield Table(name=str(path), columns=columns, rows=_each(_csv_rows(reader, columns)))
    except UnicodeError as error:
        # A file of UTF-16 without its mark has no reason of its own.
        reason = error.reason if isinstance(error, UnicodeDecodeError) else error
        raise UnreadableTable(
            f"{path}: is not {mapping.encoding}: {reason}; `encoding` in the mapping says "
            "how it is written, such as cp1252"
        ) from error


def _csv_rows(reader: _CsvReader, columns: tuple[str, ...]) -> Iterator[Row]:
    while True:
        # A quoted cell may span lines: the row is where it starts.
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number=number, cells={}, problem=f"is not CSV: {error}")
            continue
        if len(cells) == len(columns):
            yield Row(number=number, cells=dict(zip(columns, cells, strict=True)))
        elif cells:
            problem = f"has {len(cells)} cells, needs {len(columns)} as the header"
            yield Row(number=number, cells={}, problem=problem)


@contextlib.contextmanager
def _parquet(path: Path, mapping: Mapping) -> Iterator[Table]:  # noqa: ARG001 - one reader like another
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            yield Table(
                name=str(path),
                columns=tuple(file.schema_arrow.names),
                rows=_each(_parquet_rows(file)),
                n_rows=file.metadata.num_rows,
            )
    except (ArrowException, OSError) as error:
        raise UnreadableTable(f"{path}: {error}") from error


def _parquet_rows(file: object) -> Iterator[Row]:
    import pyarrow as pa

    number = 0
    for batch in file.iter_batches(batch_size=READ_ROWS):  # type: ignore[attr-defined]  # pyarrow has no types
        fields = [
            pa.field(each.name, pa.timestamp("us", each.type.tz))
            if pa.types.is_timestamp(each.type)
            else each
            for each in batch.schema
        ]
        # Python's times end at microseconds: what is finer must not be cut unseen.
        for cells in pa.Table.from_batches([batch]).cast(pa.schema(fields)).to_pylist():
            number += 1
            yield Row(number=number, cells=cells)


@contextlib.contextmanager
def _xlsx(path: Path, mapping: Mapping) -> Iterator[Table]:
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, OSError) as error:
        raise UnreadableTable(f"{path}: is not an XLSX workbook: {error}") from error
    with contextlib.closing(book):
        if mapping.sheet is None and len(book.sheetnames) > 1:
            raise UnreadableTable(
                f"{path} has sheets {', '.join(book.sheetnames)}: `sheet` in the mapping says which"
            )
        if mapping.sheet is not None and mapping.sheet not in book.sheetnames:
            raise UnreadableTable(
                f"{path} has no sheet {mapping.sheet!r}; it has {', '.join(book.sheetnames)}"
            )
        sheet = book[mapping.sheet or book.sheetnames[0]]
        rows = sheet.iter_rows(values_only=True)
        header = list(next(rows, ()))
        while header and header[-1] is None:
            header.pop()
        if not header or None in header:
            raise UnreadableTable(f"{path}:1: the first row must name every column")
        columns = tuple(str(name).strip() for name in header)
        yield Table(name=str(path), columns=columns, rows=_each(_xlsx_rows(rows, columns)))


def _xlsx_rows(rows: Iterator[tuple[object, ...]], columns: tuple[str, ...]) -> Iterator[Row]:
    for number, cells in enumerate(rows, 2):
        if any(cell is not None for cell in cells):
            padded = [*cells, *[None] * (len(columns) - len(cells))]
            yield Row(number=number, cells=dict(zip(columns, padded, strict=False)))


async def _each(rows: Iterator[Row]) -> AsyncIterator[Row]:
    """Offer rows of a file as those of a database are offered."""
    for number, row in enumerate(rows):
        if number % READ_ROWS == 0:
            # Here an interrupt comes in: reading waits for nobody, so it found no other way.
            await asyncio.sleep(0)
        yield row
