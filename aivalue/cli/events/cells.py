"""One cell to one field: exact numbers, instants that name their zone, nothing guessed.

A number in text is read from its characters. Parquet and XLSX hold binary floats: such a cell is
read as the shortest decimal text that names the same float, which is what its author saw.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal, Inexact, localcontext
from zoneinfo import ZoneInfo

from aivalue.cli.events.mapping import Field, Kind
from aivalue.events.fields import DECIMAL_CHARACTERS_MAX

Convert = Callable[[object], object]
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_EPOCHS = {"epoch_seconds": 1, "epoch_milliseconds": 1_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 60
# Beyond these digits the product could not be stored, so it must not be rounded to fit.
_EXACT = Context(prec=DECIMAL_CHARACTERS_MAX, traps=[Inexact])


class Unfit(ValueError):
    """A cell does not hold what its field needs; the message says what it holds and what is."""

    def __init__(self, cell: object, needed: str) -> None:
        shown = str(cell)
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
        super().__init__(f'is "{shown}", needs {needed}')


def converter(field: Field, kind: Kind, *, timezone: str | None) -> Convert:
    """Return what reads a cell of this kind, as JSON carries it; `timezone` is the file's."""
    match kind:
        case "text":
            return lambda cell: _translated(text_of(cell), field)
        case "number":
            return lambda cell: str(_number(cell, field))
        case "instant":
            name = field.timezone or timezone
            zone = None if name is None else ZoneInfo(name)
            return lambda cell: _instant(cell, field, zone).isoformat()
        case "day":
            return lambda cell: _day(cell, field).isoformat()
        case "tags":
            return _tags


def text_of(cell: object) -> str:
    """Write a cell as text; what stands around it is not part of a name."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # spreadsheets keep the number of a shop as 17.0
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, bytes):
        raise Unfit(cell, "text, not bytes")
    return str(cell)


def _translated(text: str, field: Field) -> str:
    if field.values is None:
        return text
    if text not in field.values:
        raise Unfit(text, f"one of {', '.join(repr(each) for each in field.values)}")
    return field.values[text]


def _number(cell: object, field: Field) -> Decimal:
    number = _exact(cell, field)
    if not number.is_finite():
        raise Unfit(cell, "a finite number")
    if field.factor is None:
        return number
    try:
        with localcontext(_EXACT):
            return number * field.factor
    except Inexact as error:
        raise Unfit(cell, f"fewer digits: times {field.factor} it cannot be exact") from error


def _exact(cell: object, field: Field) -> Decimal:
    if isinstance(cell, Decimal):
        return cell
    if isinstance(cell, bool):
        raise Unfit(cell, "a number")
    if isinstance(cell, int):
        return Decimal(cell)
    if isinstance(cell, float):
        # repr() is the shortest text that round-trips, so no binary noise enters.
        return Decimal(repr(cell))
    text = _plain(text_of(cell), field)
    if not _NUMBER.fullmatch(text):
        raise Unfit(cell, _number_needed(field))
    return Decimal(text)


def _plain(text: str, field: Field) -> str:
    """Write a number with a point and without groups; a wrong group stays, and is refused."""
    if field.thousands and field.thousands in text:
        group = re.escape(field.thousands)
        tail = rf"({re.escape(field.decimal)}\d*)?"
        if not re.fullmatch(rf"[+-]?\d{{1,3}}({group}\d{{3}})+{tail}", text, re.ASCII):
            return ""
        text = text.replace(field.thousands, "")
    if field.decimal == ",":
        return "" if "." in text else text.replace(",", ".")
    return text


def _number_needed(field: Field) -> str:
    example = f"1{field.thousands}234{field.decimal}5"
    return f"a number such as {example} (decimal and thousands in the mapping say how)"


def _instant(cell: object, field: Field, zone: ZoneInfo | None) -> datetime:
    moment = _moment(cell, field)
    if moment.tzinfo is not None:
        # The event's day is the day at the place of business, where the mapping names it.
        return moment if zone is None else moment.astimezone(zone)
    if zone is None:
        raise Unfit(cell, "an offset such as +01:00, or a timezone in the mapping")
    return _placed(moment, field, zone, cell)


def _placed(moment: datetime, field: Field, zone: ZoneInfo, cell: object) -> datetime:
    first = moment.replace(tzinfo=zone, fold=0)
    second = moment.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) != moment:
        raise Unfit(cell, f"a time that exists: clocks in {zone.key} were put forward over it")
    if field.ambiguous == "refuse":
        raise Unfit(
            cell,
            f"ambiguous: earlier or later in the mapping: clocks in {zone.key} showed it twice",
        )
    return first if field.ambiguous == "earlier" else second


def _moment(cell: object, field: Field) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - its zone is asked for next
    if field.format in _EPOCHS:
        number = _exact(cell, field)
        try:
            microseconds = int(number * 1_000_000 / _EPOCHS[field.format])
            return _EPOCH + timedelta(microseconds=microseconds)
        except (OverflowError, ValueError, ArithmeticError) as error:
            raise Unfit(cell, f"a time as {field.format}") from error
    text = text_of(cell)
    try:
        if field.format is None:
            return datetime.fromisoformat(text)
        return datetime.strptime(text, field.format)  # noqa: DTZ007 - its zone is asked for next
    except ValueError as error:
        raise Unfit(cell, _time_needed(field)) from error


def _day(cell: object, field: Field) -> date:
    return _moment(cell, field).date()


def _time_needed(field: Field) -> str:
    if field.format is None:
        return "a time such as 2024-01-31T14:05:00+01:00 (format in the mapping says how)"
    return f"a time written as {field.format}"


def _tags(cell: object) -> dict[str, str]:
    found: object = cell
    if isinstance(cell, str):
        try:
            found = json.loads(cell)
        except ValueError as error:
            raise Unfit(cell, 'a JSON object such as {"team": "maintenance"}') from error
    if isinstance(found, list):
        found = dict(found)  # Parquet maps are lists of pairs
    if not isinstance(found, Mapping):
        raise Unfit(cell, 'a JSON object such as {"team": "maintenance"}')
    return {str(name): text_of(value) for name, value in found.items() if value is not None}
