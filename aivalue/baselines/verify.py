"""Verify a stored baseline against itself: the bytes, their digest, and every figure derived."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from aivalue.baselines.coverage import coverage_of
from aivalue.baselines.level import levels_of
from aivalue.baselines.parts import merkle_root_of
from aivalue.baselines.profile import profile_of
from aivalue.baselines.window import excluded_days
from aivalue.errors import NotFreezable
from aivalue.kpis.canonical import Json, canonical_bytes
from aivalue.kpis.definition import Exclusion, Kpi, Window
from aivalue.kpis.series import plain, series_from_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the store says about a baseline, beside its bytes."""

    initiative: str
    kpi: Kpi
    kpi_version: int
    kpi_sha256: str
    start: date
    end: date
    units: tuple[str, ...]
    exclusions: tuple[Mapping[str, Json], ...]
    sha256: str
    merkle_root: str | None
    level: Decimal
    levels: Mapping[str, str]
    n: int
    observed_unit_days: int
    expected_unit_days: int


def faults_of(content: bytes, recorded: Recorded) -> list[str]:
    """Return everything that does not fit, in words; none where the baseline is as frozen."""
    digest = hashlib.sha256(content).hexdigest()
    if digest != recorded.sha256:
        return [f"the content hashes to {digest}, recorded is {recorded.sha256}"]
    header = json.loads(content)
    columns, profile = header.pop("columns"), header.pop("profile", None)
    faults = [
        f"{name} is {header.get(name)} in the content, recorded is {value}"
        for name, value in _header(recorded).items()
        if header.get(name) != value
    ]
    try:
        return faults + _figures(columns, profile, recorded)
    except (NotFreezable, ValueError, KeyError) as error:
        return [*faults, f"the content cannot be read: {error}"]


def _header(recorded: Recorded) -> dict[str, Json]:
    exclusions: list[Json] = [dict(each) for each in recorded.exclusions]
    return {
        "initiative": recorded.initiative,
        "kpi": recorded.kpi.key,
        "kpi_version": recorded.kpi_version,
        "kpi_sha256": recorded.kpi_sha256,
        "start": recorded.start.isoformat(),
        "end": recorded.end.isoformat(),
        "units": list(recorded.units),
        "exclusions": sorted(exclusions, key=canonical_bytes),
        # Baselines of the first format have neither root nor profile.
        "merkle_root": recorded.merkle_root,
    }


def _figures(columns: Mapping[str, list[Json]], profile: Json, recorded: Recorded) -> list[str]:
    series = series_from_columns(recorded.kpi.key, columns)
    levels = levels_of(series, recorded.kpi)
    window = Window(start=recorded.start, end=recorded.end)
    exclusions = [Exclusion.model_validate(each) for each in recorded.exclusions]
    coverage = coverage_of(
        series,
        window=window,
        units=recorded.units,
        excluded=excluded_days(exclusions, window),
    )
    figures: dict[str, tuple[object, object]] = {
        "level": (plain(levels.overall), plain(recorded.level)),
        "levels": (
            {unit: plain(level) for unit, level in levels.units.items()},
            dict(recorded.levels),
        ),
        "n": (sum(series.n), recorded.n),
        "observed_unit_days": (coverage.observed_unit_days, recorded.observed_unit_days),
        "expected_unit_days": (coverage.expected_unit_days, recorded.expected_unit_days),
    }
    if recorded.merkle_root is not None:
        derived_profile = profile_of(series, kpi=recorded.kpi, window=window).document()
        figures["merkle_root"] = (merkle_root_of(columns), recorded.merkle_root)
        figures["profile"] = (derived_profile, profile)
    return [
        f"{name} follows as {derived}, recorded is {stored}"
        for name, (derived, stored) in figures.items()
        if derived != stored
    ]
