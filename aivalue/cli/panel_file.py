"""A panel in a CSV or Parquet file: read it, or say which line is at fault."""

import csv
import gzip
import math
import zlib
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import TextIO

import numpy as np

from aivalue.cli.console import fail
from aivalue.cli.panel_times import times_of
from aivalue.effects.front_door.table import PanelTable
from aivalue.effects.panel import Floats

WRONG_CALL = 2
_TRUE = {"1", "1.0", "true", "yes", "t", "treatment", "treated"}
_FALSE = {"0", "0.0", "false", "no", "f", "control", "holdout"}
_MISSING = {"", "na", "nan", "null", "none"}
_LARGEST = 1e70  # Its fourth power, which a variance of variances is made of, is still finite.


def read_rows(path: Path, needed: list[str]) -> list[dict[str, str]]:
    """Read a CSV (or .csv.gz) or Parquet file that has these columns; cells are text either way."""
    if path.suffix.lower() in {".parquet", ".pq"}:
        return _parquet_rows(path, needed)
    try:
        with _opened(path) as file:
            reader = csv.reader(file, strict=True)
            columns = next(reader, [])
            _require_columns(path, needed, columns)
            rows = [_row(columns, cells, reader.line_num) for cells in reader if cells]
    except (OSError, EOFError, zlib.error) as error:  # The last two of what is cut off or no gzip.
        reason = getattr(error, "strerror", None) or error
        fail(f"cannot read {path}: {reason}", status=WRONG_CALL)
    except UnicodeDecodeError as error:
        fail(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8", status=WRONG_CALL)
    except csv.Error as error:
        fail(f"cannot read {path} as CSV: {error}", status=WRONG_CALL)
    if not rows:
        fail(f"{path} has no rows", status=WRONG_CALL)
    return rows


def _opened(path: Path) -> TextIO:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", newline="", encoding="utf-8-sig")
    return path.open(newline="", encoding="utf-8-sig")


def _row(columns: list[str], cells: list[str], line: int) -> dict[str, str]:
    if len(cells) != len(columns):
        fail(f"line {line} has {len(cells)} cells, needs {len(columns)}", status=WRONG_CALL)
    return dict(zip(columns, cells, strict=True))


def _parquet_rows(path: Path, needed: list[str]) -> list[dict[str, str]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        fail(
            f"{path} is Parquet, which pyarrow reads: pip install pyarrow, or convert it to CSV",
            status=WRONG_CALL,
        )
    try:
        with parquet.ParquetFile(path) as file:
            _require_columns(path, needed, list(file.schema_arrow.names))
            columns = file.read(columns=list(dict.fromkeys(needed))).to_pydict()
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror or error}", status=WRONG_CALL)
    except (ArrowException, ValueError) as error:  # The latter of times finer than Python's.
        fail(f"cannot read {path}: {error}", status=WRONG_CALL)
    text = {name: [_text(value) for value in columns[name]] for name in columns}
    rows = [dict(zip(text, row, strict=True)) for row in zip(*text.values(), strict=True)]
    if not rows:
        fail(f"{path} has no rows", status=WRONG_CALL)
    return rows


def _require_columns(path: Path, needed: list[str], columns: list[str]) -> None:
    if not columns:
        fail(f"{path} is empty, needs a line with the names of columns", status=WRONG_CALL)
    absent = [name for name in dict.fromkeys(needed) if name not in columns]
    if absent:
        hint = "" if len(columns) > 1 else ": are its columns separated by commas?"
        fail(
            f"{path} has no column {', '.join(absent)}; it has {', '.join(columns)}{hint}",
            status=WRONG_CALL,
        )
    twice = [name for name in needed if columns.count(name) > 1]
    if twice:
        fail(f"{path} has two columns called {twice[0]}, needs one", status=WRONG_CALL)


def _text(value: object) -> str:
    """Write a cell as CSV would carry it: days without a time of day, flags as 0 and 1."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime):
        is_day = value.time() == time.min
        return value.date().isoformat() if is_day else value.isoformat()
    return str(value)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what; an empty name is none."""

    outcome: str
    treated: str
    unit: str = ""
    time: str = ""
    cluster: str = ""
    stratum: str = ""
    denominator: str = ""
    names: tuple[str, ...] = ()

    @property
    def needed(self) -> list[str]:
        """The columns that the file must have."""
        others = (self.unit, self.time, self.cluster, self.stratum, self.denominator)
        return [self.outcome, self.treated, *filter(None, others), *self.names]


def table_of(rows: list[dict[str, str]], columns: Columns) -> PanelTable:
    """Read the cells; an empty unit or time column means each row by itself, or all at once."""
    outcome = numbers_of(rows, columns.outcome)
    numbers = [_beside(outcome, numbers_of(rows, name), name) for name in columns.names]
    at, below = columns.time, columns.denominator
    return PanelTable(
        unit=units_of(rows, columns),
        time=times_of(rows, at) if at else ["0"] * len(rows),
        outcome=outcome,
        treated=np.array([_flag(row, columns.treated, line) for line, row in enumerate(rows, 2)]),
        covariates=np.array(numbers, np.float64).reshape(len(numbers), len(rows)).T,
        cluster=names_of(rows, columns.cluster),
        stratum=names_of(rows, columns.stratum),
        denominator=_beside(outcome, numbers_of(rows, below), below) if below else None,
    )


def _beside(outcome: Floats, values: Floats, name: str) -> Floats:
    """Blame a row that has an outcome but nothing beside it."""
    missing = np.isfinite(outcome) & ~np.isfinite(values)
    if missing.any():
        line = int(np.argmax(missing)) + 2
        fail(
            f"line {line}: {name} is missing, needs a number where there is an outcome",
            status=WRONG_CALL,
        )
    return values


def units_of(rows: list[dict[str, str]], columns: Columns) -> list[str]:
    """Name each row's unit; without a column, distinct times are one series, else each row is."""
    if columns.unit:
        return _names(rows, columns.unit)
    if columns.time and len({row[columns.time] for row in rows}) == len(rows):
        return ["series"] * len(rows)
    return [str(line) for line in range(len(rows))]


def names_of(rows: list[dict[str, str]], name: str) -> list[str]:
    """Read a column of names, each of which must be one; without a name there are none."""
    return _names(rows, name) if name else []


def _names(rows: list[dict[str, str]], name: str) -> list[str]:
    found = [row[name].strip() for row in rows]
    if "" in found:
        fail(f"line {found.index('') + 2}: {name} is empty, needs a name", status=WRONG_CALL)
    return found


def numbers_of(rows: list[dict[str, str]], name: str) -> Floats:
    """Read a column; what is missing is NaN."""
    return np.array([_number(row, name, line) for line, row in enumerate(rows, 2)])


def _number(row: dict[str, str], name: str, line: int) -> float:
    text = row[name].strip()
    if text.lower() in _MISSING:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        fail(f'line {line}: {name} is "{text}", needs a number', status=WRONG_CALL)
    if math.isinf(value):
        fail(f"line {line}: {name} is infinite, needs a finite number", status=WRONG_CALL)
    if abs(value) > _LARGEST:
        fail(f"line {line}: {name} is {text}, needs at most {_LARGEST:g}", status=WRONG_CALL)
    return value


def _flag(row: dict[str, str], name: str, line: int) -> bool:
    text = row[name].strip().lower()
    if text not in _TRUE | _FALSE:
        fail(f'line {line}: {name} is "{text}", needs 0 or 1', status=WRONG_CALL)
    return text in _TRUE
