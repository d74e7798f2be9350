"""`aivalue events import` from its arguments to its summary."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from aivalue.cli.console import FAILED, fail, notes, results
from aivalue.cli.events.importing import Previewed, prepare_table, preview
from aivalue.cli.events.kpi_check import UnfitMeasurements, require_fit
from aivalue.cli.events.mapping_file import InvalidMapping, MappingFile, read_mapping
from aivalue.cli.events.prepared import Prepared, UnreadableEvents
from aivalue.cli.events.sending import Route, progress_bar, refuse, send_and_tell
from aivalue.cli.events.tables import Table, UnreadableTable, file_table
from aivalue.cli.events.translation import CellProblem, Translation
from aivalue.runtime.clock import utc_now
from aivalue.runtime.embedded.scratch import scratch_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is imported: a file, or a query and the database that it asks.

    `supersede`: its rows correct the events of the same ids that were sent before.
    """

    path: Path
    query: str | None = None
    database: str = ""
    supersede: bool = False


def import_and_tell(
    origin: Origin, mapping: Path, *, backfill: str | None, route: Route, as_json: bool
) -> None:
    """Check the whole table, send it, and print what became of it."""
    with scratch_directory("import") as directory:
        spool = directory / "events"
        try:
            prepared = asyncio.run(
                prepare_origin(origin, mapping, spool=spool, backfill=backfill, now=utc_now())
            )
            unit = read_mapping(mapping).mapping.kpi_unit
            asyncio.run(require_fit(prepared.forms, unit=unit))
        except UnreadableEvents as error:
            refuse(error, as_json=as_json)
        except (InvalidMapping, UnreadableTable, UnfitMeasurements) as error:
            fail(f"{error}\nnothing was sent")
        send_and_tell(prepared, beside=origin.path, route=route, as_json=as_json)


def preview_and_tell(
    origin: Origin, mapping: Path, *, backfill: str | None, n_rows: int, as_json: bool
) -> None:
    """Print the first rows beside the events that they would become; nothing is sent."""
    try:
        shown = asyncio.run(_previewed(origin, mapping, backfill=backfill, n_rows=n_rows))
    except (InvalidMapping, UnreadableTable) as error:
        fail(str(error))
    if as_json:
        results.print_json(data=[_document(each) for each in shown])
    else:
        for each in shown:
            _show(each, origin)
        notes.print(f"{len(shown)} row(s) shown, nothing was sent")
    if any(isinstance(each.result, list) for each in shown):
        raise SystemExit(FAILED)


async def prepare_origin(
    origin: Origin, mapping: Path, *, spool: Path, backfill: str | None, now: datetime
) -> Prepared:
    """Read and check everything that would be sent.

    Raises
    ------
    InvalidMapping, UnreadableTable, UnreadableEvents
        What is wrong, and where.
    """
    file = read_mapping(mapping)
    async with _opened(origin, file) as table:
        translation = Translation(
            file, table, now=now, backfill=backfill, supersede=origin.supersede
        )
        with progress_bar() as bar:
            task = bar.add_task("checking", total=table.n_rows)
            return await prepare_table(
                table, translation, spool=spool, advance=lambda count: bar.advance(task, count)
            )


async def _previewed(
    origin: Origin, mapping: Path, *, backfill: str | None, n_rows: int
) -> list[Previewed]:
    file = read_mapping(mapping)
    async with _opened(origin, file) as table:
        translation = Translation(
            file, table, now=utc_now(), backfill=backfill, supersede=origin.supersede
        )
        return await preview(table, translation, n_rows=n_rows)


@contextlib.asynccontextmanager
async def _opened(origin: Origin, file: MappingFile) -> AsyncIterator[Table]:
    if origin.query is None:
        async with file_table(origin.path, file.mapping) as table:
            yield table
    else:
        from aivalue.cli.events.database_table import query_table

        name = str(origin.path)
        async with query_table(origin.query, name=name, address=origin.database) as table:
            yield table


def _document(previewed: Previewed) -> dict[str, object]:
    row = {name: None if cell is None else str(cell) for name, cell in previewed.row.cells.items()}
    if isinstance(previewed.result, list):
        problems = [_said(each) for each in previewed.result]
        return {"row": previewed.row.number, "cells": row, "problems": problems}
    event = msgspec.json.decode(previewed.result.value)
    return {"row": previewed.row.number, "cells": row, "event": event}


def _show(previewed: Previewed, origin: Origin) -> None:
    cells = ", ".join(f"{name}={cell}" for name, cell in previewed.row.cells.items())
    lines = [f"{origin.path}:{previewed.row.number}: {cells}"]
    if isinstance(previewed.result, list):
        lines += [f"  refused: {_said(each)}" for each in previewed.result]
    else:
        lines.append(f"  -> {previewed.result.value.decode()}")
    for line in lines:
        results.print(line, markup=False, soft_wrap=True)


def _said(problem: CellProblem) -> str:
    return f"{problem.column}: {problem.message}" if problem.column else problem.message
