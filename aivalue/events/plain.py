"""The events nearly everybody sends, many at once: measurements without unusual attributes.

Whatever is unusual in a record, wrong or merely rare, is left to `decode`, which decides; here is
no rule of its own, only a shorter way to the same event (a property test holds the two together).
Where one record of many is unusual, none is read: whoever calls tries fewer.
"""

import hashlib
import itertools
import re
import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

from aivalue.events.business import Arm, MeasurementRecorded
from aivalue.events.columns import Columns, Measured
from aivalue.events.fields import Name, OptionalName
from aivalue.events.instant import microseconds_since_1970

TYPE = MeasurementRecorded.TYPE
BYTES_MAX: Final = 16 * 1024
_NAME_CHARACTERS_MAX = 200
_SPECVERSION, _CONTENT_TYPE, _TYPE_BYTES = b"1.0", b"application/json", TYPE.encode()
_SAID = _TYPE_BYTES + b"\0"
_BINARY_NAMES = ("ce_specversion", "ce_type", "content-type", "ce_source", "ce_id", "ce_time")
_OPENING, _CLOSING = {ord("{")}, {ord("}")}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = struct.Struct(">qi").pack
# In the first year an offset might point before Python's first instant.
_FIRST_YEAR_DAYS = 365
# RFC 3339 as nearly everybody writes it, every digit a 0; fromisoformat checks the digits.
_TIME_SHAPE = re.compile(r"0000-00-00T00:00:00(?:\.0+)?(?:Z|[+-]00:00)", re.ASCII)
_DIGITS_TO_0 = bytes.maketrans(b"123456789", b"0" * 9)
# Numbers whose text is that of the Decimal they make, each on a line.
_NUMBERS = re.compile(r"(?:-?(?:0|[1-9]\d{0,19})(?:\.\d{1,6})?\n)*+", re.ASCII)
N = TypeVar("N", str, Decimal)


class _Data(
    msgspec.Struct,
    Generic[N],
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """`MeasurementRecorded`, its numbers taken as they come and none of its rare fields."""

    kpi: Name
    unit: Name
    segment: OptionalName = ""
    arm: Arm = ""
    value: N | None = None
    numerator: N | None = None
    denominator: N | None = None


class _Plain(msgspec.Struct, Generic[N], frozen=True, forbid_unknown_fields=True, gc=False):
    """An envelope whose optional attributes, where there are any, are not stored."""

    specversion: Literal["1.0"]
    id: Name
    source: Name
    type: Literal["aivalue.measurement.recorded.v1"]
    time: str
    data: _Data[N]
    datacontenttype: Literal["application/json"] | None = None
    subject: Name | None = None
    partitionkey: Name | None = None
    traceparent: Name | None = None


Envelope = _Plain[str] | _Plain[Decimal]
Data = _Data[str] | _Data[Decimal]
# A producer writes all its numbers as strings, or all as JSON's numbers.
_envelopes: tuple[msgspec.json.Decoder[Any], ...] = (
    msgspec.json.Decoder(_Plain[str]),
    msgspec.json.Decoder(_Plain[Decimal]),
)
_bodies: tuple[msgspec.json.Decoder[Any], ...] = (
    msgspec.json.Decoder(_Data[str]),
    msgspec.json.Decoder(_Data[Decimal]),
)
_encode_lines = msgspec.json.Encoder(order="deterministic").encode_lines


def read_structured(values: Sequence[bytes], *, now: datetime) -> Columns | None:
    """Read plain events in JSON format; None where `decode_structured` must look."""
    text = _lines(values)
    envelopes: list[Envelope] | None = (
        None if text is None else _decoded(text, _envelopes, len(values))
    )
    if text is None or envelopes is None:
        return None
    data: list[Data] = [each.data for each in envelopes]
    canonical = _encode_lines(data)
    surplus = text.count(b",") - canonical.count(b",") - 5 * len(values)
    # A member more than what was decoded, such as a key twice, leaves a comma more; a comma in a
    # name does too, and `decode` will tell. No event has fewer, so that none makes up for another.
    if surplus and surplus != _n_optional_commas(envelopes):
        return None
    return _columns(
        [each.source for each in envelopes],
        [each.id for each in envelopes],
        [each.time for each in envelopes],
        data,
        canonical,
        now,
    )


def read_binary(
    values: Sequence[bytes],
    headers: Sequence[Sequence[tuple[str, bytes | None]]],
    *,
    now: datetime,
) -> Columns | None:
    """Read plain events in binary mode; None where `decode_binary` must look."""
    attributes, text = _attributes(headers), _lines(values)
    if attributes is None or text is None:
        return None
    data: list[Data] | None = _decoded(text, _bodies, len(values))
    if data is None:
        return None
    canonical = _encode_lines(data)
    if text.count(b",") != canonical.count(b","):
        return None
    sources, ids, times = (_names(attributes[name]) for name in _BINARY_NAMES[3:])
    if sources is None or ids is None or times is None:
        return None
    return _columns(sources, ids, times, data, canonical, now)


def _lines(values: Sequence[bytes]) -> bytes | None:
    """Put JSON objects on lines of their own, None where one is not plain enough for it.

    An object that ended in another record would be cut within a string, which holds no line break,
    or behind a brace, and what follows there is not a brace: what can be read is one a record.
    """
    sizes = set(map(len, values))
    if not 0 < min(sizes) <= max(sizes) <= BYTES_MAX:
        return None
    if {each[0] for each in values} != _OPENING or {each[-1] for each in values} != _CLOSING:
        return None
    text = b"\n".join(values)
    is_plain = text.isascii() and b"\\" not in text and b"\x7f" not in text
    return text if is_plain and text.count(b"\n") == len(values) - 1 else None


def _decoded(
    text: bytes, decoders: Iterable[msgspec.json.Decoder[Any]], n_records: int
) -> list[Any] | None:
    """Read one object a line, with the first decoder that can."""
    for decoder in decoders:
        try:
            found = decoder.decode_lines(text)
        except (msgspec.MsgspecError, RecursionError, ArithmeticError):
            continue
        return found if len(found) == n_records else None
    return None


def _n_optional_commas(envelopes: Sequence[Envelope]) -> int:
    """Count the commas that optional attributes bring."""
    n_commas = len(envelopes) - [each.datacontenttype for each in envelopes].count(None)
    for column in (
        [each.subject for each in envelopes],
        [each.partitionkey for each in envelopes],
        [each.traceparent for each in envelopes],
    ):
        texts = [text for text in column if text is not None]
        n_commas += len(texts) + "".join(texts).count(",")
    return n_commas


def _attributes(
    headers: Sequence[Sequence[tuple[str, bytes | None]]],
) -> dict[str, list[bytes | None]] | None:
    """Return the attributes of records whose headers are alike and unsuspicious, else None."""
    width = len(_BINARY_NAMES)
    if set(map(len, headers)) != {width}:
        return None
    pairs = list(itertools.chain.from_iterable(headers))
    names, texts = [name for name, _ in pairs], [text for _, text in pairs]
    layout = names[:width]
    if names != layout * len(headers):
        return None
    found = {name: texts[n::width] for n, name in enumerate(layout)}
    # An attribute twice leaves fewer, and then one of these is missing.
    if found.keys() != set(_BINARY_NAMES):
        return None
    constant = [set(found[name]) for name in _BINARY_NAMES[:3]]
    return found if constant == [{_SPECVERSION}, {_TYPE_BYTES}, {_CONTENT_TYPE}] else None


def _names(headers: Sequence[bytes | None]) -> list[str] | None:
    """Read headers that hold plain names, None where one does not."""
    try:
        text = b"\n".join(headers).decode("ascii")  # type: ignore[arg-type]
    except (TypeError, UnicodeDecodeError):
        return None
    names = text.split("\n")
    lengths = set(map(len, names))
    if (
        len(names) != len(headers)
        or not "".join(names).isprintable()
        or not 0 < min(lengths) <= max(lengths) <= _NAME_CHARACTERS_MAX
    ):
        return None
    return names


def _columns(
    sources: list[str],
    ids: list[str],
    times: list[str],
    data: Sequence[Data],
    canonical: bytes,
    now: datetime,
) -> Columns | None:
    moments = _moments(times, now)
    measured = None if moments is None else _measured(data)
    if moments is None or measured is None:
        return None
    microseconds, days = moments
    sha256 = hashlib.sha256
    return Columns(
        sources=sources,
        ids=ids,
        types=[TYPE] * len(ids),
        microseconds=microseconds,
        days=days,
        fingerprints=[
            sha256(_SAID + _MOMENT(moment, day) + said).digest()
            for moment, day, said in zip(microseconds, days, canonical.split(b"\n"), strict=False)
        ],
        series=[(each.kpi, each.unit, each.segment, each.arm) for each in data],
        measured=measured,
    )


def _moments(times: Sequence[str], now: datetime) -> tuple[list[int], list[int]] | None:
    """Return microseconds since 1970, and days, where all times are past and written plainly."""
    shapes = set("\n".join(times).encode().translate(_DIGITS_TO_0).decode().split("\n"))
    if not all(map(_TIME_SHAPE.fullmatch, shapes)):
        return None
    # fromisoformat takes an offset of 60 minutes and more for hours.
    if any(each[-1] != "Z" and each[-2] > "5" for each in times):
        return None
    try:
        instants = list(map(datetime.fromisoformat, times))
    except ValueError:
        return None
    # In place, not by `microseconds_since_1970`: a call costs as much again.
    microseconds = [
        (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        for since in [instant - _EPOCH for instant in instants]
    ]
    days = [instant.toordinal() for instant in instants]
    past = max(microseconds) <= microseconds_since_1970(now) and min(days) > _FIRST_YEAR_DAYS
    return (microseconds, days) if past else None


def _measured(data: Sequence[Data]) -> list[Measured] | None:
    """Return what each says, None where one says nothing or too much, or not plainly a number."""
    measured: list[Measured]
    texts: list[str]
    values = [each.value for each in data]
    numerators = [each.numerator for each in data]
    denominators = [each.denominator for each in data]
    n_absent = [column.count(None) for column in (values, numerators, denominators)]
    if n_absent == [0, len(data), len(data)]:
        texts = list(map(str, values))
        measured = [*texts]
    elif n_absent == [len(data), 0, 0]:
        above, below = list(map(str, numerators)), list(map(str, denominators))
        texts, measured = above + below, list(zip(above, below, strict=True))
    else:
        # Values and ratios side by side are read apart.
        return None
    return measured if _NUMBERS.fullmatch("\n".join((*texts, ""))) else None
