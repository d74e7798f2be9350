"""Load what freezing and readiness decide on: definitions from the store, series from ingest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException
from sqlalchemy.ext.asyncio import AsyncConnection

from aivalue.baselines.freeze import Subject
from aivalue.baselines.window import Scope
from aivalue.errors import NotFreezable
from aivalue.kpis.canonical import Json
from aivalue.kpis.definition import Design, Exclusion, Initiative, Kpi, Process, Target, Window
from aivalue.kpis.effective import DatedKpi, version_for
from aivalue.kpis.series import Series, series_from_columns
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.problems import DependencyUnavailable
from services.baseline.queries import definitions as queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What someone asks about; what is None is taken from the design: window and exclusions."""

    initiative: str
    kpi: str
    window: Window | None
    units: tuple[str, ...] | None
    exclusions: tuple[Exclusion, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """What definitions say about an initiative's KPI; `target` is the one due first."""

    subject: Subject
    design: Design | None
    target: Target | None


async def defined(connection: AsyncConnection, tenant: str, wanted: Wanted) -> Defined:
    """Read the definitions of an initiative and one of its KPIs.

    Raises
    ------
    HTTPException
        404 where one is not defined.
    NotFreezable
        The KPI is none of the initiative's.
    """
    initiative, kpi = wanted.initiative, wanted.kpi

    async def stored(kind: str, key: str) -> queries.Stored | None:
        return await queries.version_of(connection, tenant, kind, key, None)

    of_initiative = await stored("initiative", initiative)
    if of_initiative is None:
        raise HTTPException(404, f"there is no initiative {initiative!r}")
    of_kpi = await queries.versions(connection, tenant, "kpi", kpi)
    if not of_kpi:
        raise HTTPException(404, f"there is no KPI {kpi!r}")
    of_design = await stored("design", initiative)
    design = None if of_design is None else Design.model_validate(of_design.body)
    targets = await _targets(connection, tenant, initiative)
    used = {*(() if design is None else design.kpis), *(each.kpi for each in targets)}
    if kpi not in used:
        raise NotFreezable(
            f"{kpi} is no KPI of {initiative}: its design and targets name "
            f"{', '.join(sorted(used)) or 'none'}"
        )
    held = _held(of_kpi, wanted.window or (None if design is None else design.baseline))
    of_process = await stored("process", held.kpi.process)
    assert of_process is not None  # noqa: S101 - definitions refer to what there is
    subject = Subject(
        initiative=initiative,
        kpi=held.kpi,
        kpi_version=held.version,
        kpi_sha256=held.sha256,
        go_live=Initiative.model_validate(of_initiative.body).go_live,
        redesigned_on=Process.model_validate(of_process.body).redesigned_on,
    )
    due = sorted((each for each in targets if each.kpi == kpi), key=lambda each: each.due)
    return Defined(subject=subject, design=design, target=due[0] if due else None)


def _held(versions: Sequence[queries.Stored], window: Window | None) -> DatedKpi:
    dated = [
        DatedKpi(
            version=each.version,
            sha256=each.sha256,
            holds_from=each.holds_from,
            kpi=Kpi.model_validate(each.body),
        )
        for each in versions
    ]
    return dated[0] if window is None else version_for(window, dated)


def scope_of(wanted: Wanted, design: Design | None) -> Scope:
    """Return what is asked for, with the design's baseline window where none is named."""
    window = wanted.window or (None if design is None else design.baseline)
    if window is None:
        raise NotFreezable(
            f"no window: name start and end, or give the design of {wanted.initiative} a baseline"
        )
    exclusions = wanted.exclusions
    if exclusions is None:
        exclusions = () if design is None else design.exclusions
    return Scope(window=window, units=wanted.units, exclusions=exclusions)


async def read_series(
    ingest: ServiceClient, tenant: str, kpi: str, scope: Scope
) -> tuple[Series, Mapping[str, Json]]:
    """Ask ingest for the series of the scope and for the snapshot it was read at.

    Raises
    ------
    DependencyUnavailable
        Ingest does not answer, refuses, or answers what is not a series.
    """
    params: dict[str, str | list[str]] = {
        "kpi": kpi,
        "start": scope.window.start.isoformat(),
        "end": scope.window.end.isoformat(),
    }
    if scope.units is not None:
        params["unit"] = list(scope.units)
    answer = await _answer(ingest, "/v1/series", tenant, params)
    try:
        return series_from_columns(kpi, answer["columns"]), answer["snapshot"]
    except (ValueError, KeyError, TypeError) as error:
        raise DependencyUnavailable(f"ingest's answer is not a series: {error!r}") from error


async def read_pilots(ingest: ServiceClient, tenant: str, initiative: str) -> tuple[str, ...]:
    """Ask ingest which units get the AI first; none before the first intervention."""
    answer = await _answer(ingest, "/v1/interventions", tenant, {"initiative": initiative})
    try:
        rows = sorted(answer["interventions"], key=lambda each: each["start"], reverse=True)
        treated = {each["unit"]: each["start"] for each in rows if each["arm"] == "treatment"}
    except (KeyError, TypeError) as error:
        raise DependencyUnavailable(f"ingest's answer is no interventions: {error!r}") from error
    first = min(treated.values(), default=None)
    return tuple(sorted(unit for unit, start in treated.items() if start == first))


async def _targets(connection: AsyncConnection, tenant: str, initiative: str) -> list[Target]:
    stored = await queries.targets_of(connection, tenant, initiative)
    return [Target.model_validate(each.body) for each in stored]


async def _answer(
    ingest: ServiceClient, path: str, tenant: str, params: Mapping[str, str | list[str]]
) -> dict[str, Any]:
    response = await ingest.get(path, tenant=tenant, params=params)
    if not response.is_success:
        raise DependencyUnavailable(f"ingest answered {response.status_code} to {path}")
    answer: dict[str, Any] = ingest.json_of(response)
    return answer
