"""`aivalue ingest days`: daily statistics beside the measurements that stand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import httpx
import typer

from aivalue.cli.answers import ingest as answers
from aivalue.cli.asking import answered
from aivalue.cli.console import FAILED, WRONG_CALL, fail, notes, results
from aivalue.cli.service_calls import call

NAMED_MAX = 100
_DAY = ["%Y-%m-%d"]


def days(
    kpi: Annotated[str | None, typer.Option(help="Only of this KPI.")] = None,
    start: Annotated[datetime | None, typer.Option(formats=_DAY, help="First day.")] = None,
    end: Annotated[datetime | None, typer.Option(formats=_DAY, help="Day after the last.")] = None,
    *,
    mend: Annotated[
        bool, typer.Option("--mend", help="Derive the days that differ anew, and say which.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare daily statistics with the measurements; ends with status 1 where a day differs."""
    if start is not None and end is not None and end < start:
        needed = f"{start:%Y-%m-%d} (--start) or later"
        fail(f"--end is {end:%Y-%m-%d}, needs to be {needed}", status=WRONG_CALL)
    asked = {} if kpi is None else {"kpi": kpi}
    for name, day in (("start", start), ("end", end)):
        if day is not None:
            asked[name] = day.date().isoformat()
    found = answered(lambda services: _walked(services.ingest, asked, mend=mend))
    if as_json:
        results.print_json(data={**found, "mended": mend})
    else:
        _show(found, mend=mend)
    if found["n_differing"] and not mend:
        raise typer.Exit(FAILED)


def _show(found: Mapping[str, Any], *, mend: bool) -> None:
    for each in found["differing"]:
        series = " ".join(each[name] for name in ("kpi", "unit", "segment", "arm") if each[name])
        for figure in each["figures"]:
            text = (
                f"{series} {each['day']}: {figure['figure']} {'was' if mend else 'is'} "
                f"{_told(figure['kept'])}, its measurements give {_told(figure['derived'])}"
            )
            results.print(text, style="yellow" if mend else "red", markup=False, soft_wrap=True)
    unnamed = found["n_differing"] - len(found["differing"])
    if unnamed:
        results.print(f"and {unnamed:,} days more")
    told = "derived anew" if mend else "differ"
    results.print(f"{found['n_days']:,} days compared, {found['n_differing']:,} {told}")
    if found["n_differing"] and not mend:
        notes.print("--mend derives them anew")


def _told(value: str | None) -> str:
    return "nothing" if value is None else value


async def _walked(
    client: httpx.AsyncClient, asked: Mapping[str, str], *, mend: bool
) -> dict[str, Any]:
    """Ask page by page until the last day."""
    from aivalue.cli.events.sending import progress_bar

    total: dict[str, Any] = {"n_days": 0, "n_differing": 0, "differing": []}
    cursor: dict[str, str] = {}
    with progress_bar() as bar:
        task = bar.add_task("mending" if mend else "comparing", total=None)
        while True:
            said = {**asked, **cursor}
            if mend:
                page = await call(client, "POST", "/v1/days:mend", answers.DaysCompared, json=said)
            else:
                page = await call(
                    client, "GET", "/v1/days/verification", answers.DaysCompared, params=said
                )
            bar.advance(task, page["n_days"])
            total = {name: total[name] + page[name] for name in total}
            total["differing"] = total["differing"][:NAMED_MAX]
            if page["next_cursor"] is None:
                return total
            cursor = {"cursor": page["next_cursor"]}
