"""The command `aivalue events show`."""

from typing import Annotated, Any

import typer


def show(
    source: Annotated[str, typer.Argument(help="The event's source.")],
    event_id: Annotated[str, typer.Argument(metavar="ID", help="Its id.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show an event that was counted, byte for byte, and where in which log it stood."""
    from urllib.parse import urlencode

    from aivalue.cli.answers import ingest as answers
    from aivalue.cli.asking import answered
    from aivalue.cli.console import fail, results
    from aivalue.cli.events.shown import text_of
    from aivalue.cli.service_calls import find

    query = urlencode({"source": source, "id": event_id})
    found: dict[str, Any] | None = answered(
        lambda services: find(services.ingest, f"/v1/events/original?{query}", answers.Original)
    )
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
