"""`aivalue export` and `aivalue drift`: what is stored, as files, and against files."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import typer

from aivalue.cli.answers import record as answers
from aivalue.cli.apply import apply_definitions, show
from aivalue.cli.console import FAILED, fail, notes, results, say
from aivalue.cli.definition_files import files_of
from aivalue.cli.definitions import KINDS, VALUATION_RULE, InvalidDefinitions, read_definitions
from aivalue.cli.service_calls import Services, connected, pages, read_as
from aivalue.errors import AivalueError
from aivalue.kpis.change import Change
from aivalue.kpis.definition import DEFINITION_KINDS, Definition
from aivalue.runtime.settings import RuntimeSettings, read_settings

PAGE = 500
Transports = Mapping[str, httpx.AsyncBaseTransport]
StoredDefinitions = dict[tuple[str, str], Definition]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How the store differs from the files.

    Attributes
    ----------
    changes :
        What applying the files would change.
    unmanaged :
        Stored definitions of the files' initiatives that no file holds, as (kind, key).
    """

    changes: tuple[Change, ...]
    unmanaged: tuple[tuple[str, str], ...]


async def stored_definitions(
    settings: RuntimeSettings, *, transports: Transports | None = None
) -> StoredDefinitions:
    """Read every current definition from the two services that own them."""
    async with connected(settings, transports=transports) as services:
        return await _all(services)


async def drift_of(
    path: Path, *, settings: RuntimeSettings, transports: Transports | None = None
) -> Drift:
    """Compare files with the store; nothing is written."""
    planned = await apply_definitions(
        path,
        settings=settings,
        reason="drift",
        confirm=lambda _: False,
        transports=transports,
    )
    here = {(each.kind, each.key) for each in read_definitions(path)}
    initiatives = {key for kind, key in here if kind == "initiative"}
    stored = await stored_definitions(settings, transports=transports)
    unmanaged = [
        pair
        for pair, definition in stored.items()
        if pair not in here and _owner(pair, definition) in initiatives
    ]
    return Drift(
        changes=tuple(each for each in planned.changes if each.action != "none"),
        unmanaged=tuple(sorted(unmanaged)),
    )


def export_command(
    directory: Annotated[
        Path | None,
        typer.Option("--directory", "-d", help="Write one file per initiative; stdout without it."),
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files.")] = False,
) -> None:
    """Write the stored definitions as YAML that `aivalue apply` reads back unchanged."""
    try:
        files = files_of(asyncio.run(stored_definitions(read_settings(RuntimeSettings))))
    except AivalueError as error:
        fail(str(error))
    if directory is None:
        results.print("---\n".join(files.values()), markup=False, soft_wrap=True, end="")
        return
    directory.mkdir(parents=True, exist_ok=True)
    targets = {directory / f"{name}.yaml": text for name, text in files.items()}
    taken = [str(file) for file in targets if file.exists()]
    if taken and not force:
        fail(f"{', '.join(taken)} exist: choose another directory, or pass --force")
    for file, text in targets.items():
        file.write_text(text, encoding="utf-8")
        say(f"wrote {file}")


def drift_command(
    file: Annotated[
        Path, typer.Option("--file", "-f", help="A YAML file, or a directory of them.", exists=True)
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say how the stored definitions differ from files; ends with status 1 where they do."""
    try:
        drift = asyncio.run(drift_of(file, settings=read_settings(RuntimeSettings)))
    except InvalidDefinitions as error:
        for problem in error.found:
            notes.print(str(problem), style="red", markup=False, soft_wrap=True)
        fail(f"{len(error.found)} problem(s)")
    except AivalueError as error:
        fail(str(error))
    if as_json:
        results.print_json(
            data={
                "changes": [each.document() for each in drift.changes],
                "unmanaged": [{"kind": kind, "key": key} for kind, key in drift.unmanaged],
            }
        )
    else:
        _print(drift, file)
    if drift.changes or drift.unmanaged:
        raise typer.Exit(FAILED)


def _print(drift: Drift, file: Path) -> None:
    if drift.changes:
        show(drift.changes)
    for kind, key in drift.unmanaged:
        results.print(f"? stored, but in no file: {kind} {key}", markup=False)
    if not (drift.changes or drift.unmanaged):
        results.print(f"no drift: the store is as {file}", markup=False)


def _owner(pair: tuple[str, str], definition: Definition) -> str | None:
    kind, key = pair
    return key if kind == "design" else getattr(definition, "initiative", None)


async def _all(services: Services) -> StoredDefinitions:
    stored: StoredDefinitions = {}
    for client, path, name, answer in (
        (services.baseline, "/v1/definitions", "definitions", answers.DefinitionsPage),
        (services.attribution, "/v1/valuation-rules", "valuation_rules", answers.RulesPage),
    ):
        async for page in pages(client, path, answer, {"limit": PAGE}):
            for each in page[name]:
                kind = each["kind"] if each["kind"] in DEFINITION_KINDS else VALUATION_RULE
                stored[kind, each["key"]] = read_as(
                    KINDS[kind], each["body"], what=f"{kind} {each['key']}"
                )
    return stored
