"""The command `aivalue events show`."""

import asyncio
from typing import Annotated, Any

import typer


def show(
    source: Annotated[str, typer.Argument(help="The event's source.")],
    event_id: Annotated[str, typer.Argument(metavar="ID", help="Its id.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show an event that was counted, byte for byte, and where in which log it stood."""
    from aivalue.cli.console import fail, results
    from aivalue.cli.events.shown import text_of

    found = asyncio.run(_original(source, event_id))
    if found is None:
        fail(f"no event {event_id} of {source} is kept")
    if as_json:
        results.print_json(data=found)
        return
    shown = dict(found)
    lines = [f"header {name}: {text_of(said)}" for name, said in shown.pop("headers")]
    lines += [
        f"key: {text_of(shown.pop('key_base64'))}",
        f"value: {text_of(shown.pop('value_base64'))}",
    ]
    for line in [f"{name}: {said}" for name, said in shown.items()] + lines:
        results.print(line, markup=False, soft_wrap=True)


async def _original(source: str, event_id: str) -> dict[str, Any] | None:
    from urllib.parse import urlencode

    from aivalue.cli.service_calls import connected, find
    from aivalue.runtime.settings import RuntimeSettings, read_settings

    async with connected(read_settings(RuntimeSettings)) as services:
        query = urlencode({"source": source, "id": event_id})
        found: dict[str, Any] | None = await find(services.ingest, f"/v1/events/original?{query}")
        return found
