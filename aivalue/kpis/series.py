"""A KPI's series: one row of sufficient statistics per unit, segment, arm and business day.

Columnar and exact. Rows are sorted by (unit, segment, arm, day), so equal content has equal bytes.
"""

import hashlib
import itertools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from typing import TypeVar

Cell = TypeVar("Cell")
Converted = TypeVar("Converted")
Key = tuple[str, str, str, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Columns of equal length.

    Attributes
    ----------
    unit, segment, arm, day :
        Key of the row; `arm` is "" where the measurement names none.
    n :
        Measurements behind the row, > 0.
    sum, sum_squares, minimum, maximum :
        Of measurements by value; minimum and maximum are None where there is none.
    numerator, denominator, numerator_squares, denominator_squares, cross_product :
        Sums over measurements by numerator and denominator, in the parts' own units.
    """

    kpi: str
    unit: tuple[str, ...]
    segment: tuple[str, ...]
    arm: tuple[str, ...]
    day: tuple[date, ...]
    n: tuple[int, ...]
    sum: tuple[Decimal, ...]
    sum_squares: tuple[Decimal, ...]
    minimum: tuple[Decimal | None, ...]
    maximum: tuple[Decimal | None, ...]
    numerator: tuple[Decimal, ...]
    denominator: tuple[Decimal, ...]
    numerator_squares: tuple[Decimal, ...]
    denominator_squares: tuple[Decimal, ...]
    cross_product: tuple[Decimal, ...]

    def __post_init__(self) -> None:
        for name in COLUMNS:
            if len(getattr(self, name)) != len(self.unit):
                seen, needed = len(getattr(self, name)), len(self.unit)
                raise ValueError(f"column {name} has {seen} rows, needs {needed}")
        keys = list(zip(self.unit, self.segment, self.arm, self.day, strict=True))
        if not all(itertools.starmap(operator.lt, itertools.pairwise(keys))):
            raise ValueError("rows must be sorted by unit, segment, arm, day, each key once")

    def __len__(self) -> int:
        return len(self.unit)

    def where(self, keep: Callable[[Key], bool]) -> "Series":
        """Return the rows whose (unit, segment, arm, day) is wanted."""
        keys = zip(self.unit, self.segment, self.arm, self.day, strict=True)
        kept = list(map(keep, keys))
        if all(kept):
            return self
        columns = {name: tuple(itertools.compress(getattr(self, name), kept)) for name in COLUMNS}
        return Series(kpi=self.kpi, **columns)

    def sha256(self) -> str:
        """Digest of the content: equal content, equal digest, whatever the scale of a decimal."""
        digest = hashlib.sha256(self.kpi.encode())
        for name in COLUMNS:
            texts = _each_once(plain, getattr(self, name))
            digest.update("\x1f".join([f"\x1e{name}", *texts]).encode())
        return digest.hexdigest()


COLUMNS = tuple(field.name for field in fields(Series) if field.name != "kpi")
_AS_THEY_ARE = frozenset({"unit", "segment", "arm", "n"})
_DECIMAL_COLUMNS = COLUMNS[COLUMNS.index("sum") :]


def plain(value: str | int | date | Decimal | None) -> str:
    """Write a cell as text: decimals without exponent or trailing zeros, None as ""."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        text = str(value)
        if "E" in text:
            text = format(value, "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text
    return value.isoformat() if isinstance(value, date) else str(value)


def series_from_columns(kpi: str, columns: Mapping[str, Sequence[object]]) -> Series:
    """Read the columns as JSON carries them (dates and decimals as text), in any row order.

    Raises
    ------
    ValueError
        Columns of different length, a key twice, or a cell that is not what its column holds.
    """
    read: dict[str, tuple[object, ...]] = {}
    for name in COLUMNS:
        cells = columns[name]
        if name == "day":
            read[name] = _each_once(_day, cells)
        elif name in _DECIMAL_COLUMNS:
            read[name] = _each_once(_decimal, cells)
        else:
            read[name] = tuple(cells)
    return Series(kpi=kpi, **_in_order(read))  # type: ignore[arg-type]  # checked by __post_init__


def _in_order(columns: dict[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    keys = list(zip(*(columns[name] for name in COLUMNS[:4]), strict=True))
    if all(itertools.starmap(operator.le, itertools.pairwise(keys))):
        return columns
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return {name: tuple(cells[row] for row in order) for name, cells in columns.items()}


def columns_of(series: Series) -> dict[str, list[str | int | None]]:
    """Write the columns as JSON carries them; the inverse of `series_from_columns`."""
    columns: dict[str, list[str | int | None]] = {}
    for name in COLUMNS:
        cells = getattr(series, name)
        if name in _AS_THEY_ARE:
            columns[name] = list(cells)
        elif name == "day":
            columns[name] = list(_each_once(_text, cells))
        else:
            columns[name] = _texts(cells)
    return columns


def _each_once(
    convert: Callable[[Cell], Converted], cells: Iterable[Cell]
) -> tuple[Converted, ...]:
    # A million cells hold far fewer distinct days and amounts; looking them up runs in C.
    return tuple(map(_Converted(convert).__getitem__, cells))


class _Converted(dict[Cell, Converted]):
    def __init__(self, convert: Callable[[Cell], Converted]) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, cell: Cell) -> Converted:
        converted = self[cell] = self._convert(cell)
        return converted


def _day(cell: object) -> date:
    return date.fromisoformat(str(cell))


def _decimal(cell: object) -> Decimal | None:
    return None if cell is None else Decimal(str(cell))


def _texts(cells: Sequence[Decimal | None]) -> list[str | int | None]:
    # Most decimals are written as str() writes them; the others end in a zero or have an exponent.
    return [
        text if text == "0" or (text[-1] not in "0e" and "E" not in text) else _text(cell)
        for cell, text in zip(cells, map(str, cells), strict=True)
    ]


def _text(cell: date | Decimal | None) -> str | None:
    return None if cell is None else plain(cell)
