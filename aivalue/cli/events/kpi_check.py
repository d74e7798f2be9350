"""Measurements against the KPIs they are of: defined, of the form and in the unit that they need.

A freeze would refuse them months later; here the mapping can still be put right.
"""

from collections.abc import Iterable
from typing import Literal

from aivalue.cli.answers import record as answers
from aivalue.cli.console import notes
from aivalue.cli.service_calls import CallFailed, connected, pages, read_as
from aivalue.errors import AivalueError
from aivalue.kpis.definition import Kpi
from aivalue.kpis.nearest import nearest
from aivalue.runtime.settings import RuntimeSettings, read_settings

Form = Literal["value", "parts"]
_NEEDED = {"value": "value", "parts": "numerator and denominator"}
_LIMIT = 500


class UnfitMeasurements(AivalueError):
    """Measurements that their KPI cannot be read from."""


async def require_fit(forms: Iterable[tuple[str, Form]], *, unit: str | None) -> None:
    """Compare what would be sent with the KPIs' definitions; what cannot be known is said.

    Raises
    ------
    UnfitMeasurements
        A KPI needs another form, or is in another unit than the mapping says.
    """
    wanted = sorted(set(forms))
    if not wanted:
        return
    try:
        defined = await _defined()
    except CallFailed as error:
        notes.print(
            f"the KPIs are not checked: {error}", style="yellow", markup=False, soft_wrap=True
        )
        return
    unfit = []
    for key, form in wanted:
        kpi = defined.get(key)
        if kpi is None:
            near = nearest(key, defined)
            hint = f"did you mean {near}?" if near else "it counts once it is defined"
            notes.print(
                f"KPI {key} is not defined; {hint}", style="yellow", markup=False, soft_wrap=True
            )
            continue
        unfit += unfit_of(kpi, form, unit)
    if unfit:
        raise UnfitMeasurements("\n".join(unfit))


def unfit_of(kpi: Kpi, form: Form, unit: str | None) -> list[str]:
    """Say why measurements of a form, in a unit, are none of a KPI; nothing where they are."""
    problems = []
    needed: Form = "parts" if kpi.aggregation in {"ratio", "rate"} else "value"
    if kpi.aggregation != "count" and form != needed:
        problems.append(
            f"KPI {kpi.key} is a {kpi.aggregation}: it needs {_NEEDED[needed]}, the mapping gives "
            f"{_NEEDED[form]}"
        )
    if unit is not None and unit != kpi.unit:
        problems.append(
            f"KPI {kpi.key} is in {kpi.unit}, the mapping's kpi_unit is {unit}: "
            "a factor brings one into the other"
        )
    return problems


async def _defined() -> dict[str, Kpi]:
    defined: dict[str, Kpi] = {}
    params: dict[str, str | int] = {"kind": "kpi", "limit": _LIMIT}
    async with connected(read_settings(RuntimeSettings)) as services:
        async for page in pages(
            services.baseline, "/v1/definitions", answers.DefinitionsPage, params
        ):
            for each in page["definitions"]:
                defined[each["key"]] = read_as(Kpi, each["body"], what=f"KPI {each['key']}")
    return defined
