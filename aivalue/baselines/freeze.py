"""Freeze: the pre-AI measurements of a KPI become bytes that never change, and their SHA-256.

The bytes are canonical JSON over what was measured, what it means (window, units, exclusions, KPI
version) and what follows from it (level, trend and season with their errors, the Merkle root over
units), so that equal content has equal bytes whatever order it arrived in.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from aivalue.baselines.coverage import Coverage, coverage_of
from aivalue.baselines.level import Levels, levels_of
from aivalue.baselines.parts import merkle_root_of
from aivalue.baselines.profile import profile_of
from aivalue.baselines.window import (
    Scope,
    excluded_days,
    is_reconstructed,
    require_before,
    restrict,
)
from aivalue.errors import NotFreezable
from aivalue.kpis.canonical import Json, body_of, canonical_bytes
from aivalue.kpis.definition import Kpi
from aivalue.kpis.series import Series, columns_of

FORMAT = "aivalue.baseline.v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose baseline it is, under which version of the KPI's definition."""

    initiative: str
    kpi: Kpi
    kpi_version: int
    kpi_sha256: str
    go_live: date | None
    redesigned_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenBaseline:
    """A baseline ready to be stored.

    Attributes
    ----------
    content :
        The canonical bytes; `sha256` is their digest, so anyone can check one against the other.
    merkle_root :
        Over the units' measurements; it stands in the content.
    reconstructed :
        Whether it was frozen when the AI was already live, which caps the evidence at grade C.
    """

    content: bytes
    sha256: str
    merkle_root: str
    units: tuple[str, ...]
    coverage: Coverage
    levels: Levels
    n: int
    reconstructed: bool


def freeze(series: Series, *, subject: Subject, scope: Scope, today: date) -> FrozenBaseline:
    """Restrict the series to the scope and freeze it.

    Raises
    ------
    NotFreezable
        The window is not before go-live, nothing was measured, or a unit has no measurement.
    """
    require_before(
        scope.window, go_live=subject.go_live, today=today, redesigned_on=subject.redesigned_on
    )
    kept = restrict(series, scope)
    units = _require_measured(kept, series=series, subject=subject, scope=scope)
    levels = levels_of(kept, subject.kpi)
    columns: dict[str, list[Json]] = {name: list(cells) for name, cells in columns_of(kept).items()}
    root = merkle_root_of(columns)
    content = canonical_bytes(
        {
            **_header(subject, scope, units),
            "merkle_root": root,
            "profile": profile_of(kept, kpi=subject.kpi, window=scope.window).document(),
            "columns": dict[str, Json](columns),
        }
    )
    return FrozenBaseline(
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        merkle_root=root,
        units=units,
        coverage=coverage_of(
            kept,
            window=scope.window,
            units=units,
            excluded=excluded_days(scope.exclusions, scope.window),
        ),
        levels=levels,
        n=sum(kept.n),
        reconstructed=is_reconstructed(subject.go_live, today),
    )


def _require_measured(
    kept: Series, *, series: Series, subject: Subject, scope: Scope
) -> tuple[str, ...]:
    seen = sorted(set(kept.unit))
    window = f"from {scope.window.start} until before {scope.window.end}"
    if not seen:
        raise NotFreezable(
            f"nothing to freeze: KPI {subject.kpi.key} has {len(series)} rows, none of them "
            f"{window}" + ("" if scope.units is None else f" on {_named(scope.units)}")
        )
    missing = sorted(set(scope.units or ()) - set(seen))
    if missing:
        raise NotFreezable(
            f"{len(missing)} of {len(scope.units or ())} units have no measurement of KPI "
            f"{subject.kpi.key} {window}: {_named(missing)}"
        )
    return tuple(seen)


def _named(units: Sequence[str], *, n_max: int = 10) -> str:
    rest = len(units) - n_max
    return ", ".join(units[:n_max]) + (f" and {rest} more" if rest > 0 else "")


def _header(subject: Subject, scope: Scope, units: tuple[str, ...]) -> dict[str, Json]:
    exclusions: list[Json] = [body_of(each) for each in scope.exclusions]
    return {
        "format": FORMAT,
        "initiative": subject.initiative,
        "kpi": subject.kpi.key,
        "kpi_version": subject.kpi_version,
        "kpi_sha256": subject.kpi_sha256,
        "start": scope.window.start.isoformat(),
        "end": scope.window.end.isoformat(),
        "units": list(units),
        "exclusions": sorted(exclusions, key=canonical_bytes),
    }
