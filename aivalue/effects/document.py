"""Effect to JSON and back, exactly: what a service stores is what it later computes with."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from math import inf, isinf
from typing import Any, cast

from aivalue.effects.effect import Effect, Matrix, Period

_MATRICES = ("covariance", "observed_covariance", "cross_covariance")


def document_of(effect: Effect) -> dict[str, object]:
    """Write an effect as JSON carries it; infinite degrees of freedom become None."""
    document: dict[str, object] = {}
    for field in fields(effect):
        value = getattr(effect, field.name)
        if field.name == "periods":
            value = [[period.start.isoformat(), period.end.isoformat()] for period in value]
        elif field.name in _MATRICES:
            value = None if value is None else [list(row) for row in value]
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, float) and isinf(value):
            value = None
        document[field.name] = value
    return document


def effect_from_document(document: Mapping[str, object]) -> Effect:
    """Read what `document_of` wrote."""
    read: dict[str, Any] = dict(document)
    read["periods"] = tuple(
        Period(start=date.fromisoformat(start), end=date.fromisoformat(end))
        for start, end in read["periods"]
    )
    for name in _MATRICES:
        read[name] = _matrix(read.get(name))
    for name in ("point", "volume", "observed"):
        read[name] = tuple(float(cell) for cell in read[name])
    if read["degrees_of_freedom"] is None:
        read["degrees_of_freedom"] = inf
    return Effect(**read)


def _matrix(rows: object) -> Matrix | None:
    if rows is None:
        return None
    return tuple(tuple(float(cell) for cell in row) for row in cast("list[list[float]]", rows))
