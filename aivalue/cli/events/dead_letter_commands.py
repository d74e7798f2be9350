"""The commands `aivalue events dead-letters list|show|discard` and `aivalue events replay`."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Look at what was not counted, and close it.", no_args_is_help=True)
WRONG_CALL = 2
_SHOWN = 60

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Ids = Annotated[list[int] | None, typer.Argument(help="Which letters; or choose by options.")]
Reason = Annotated[str | None, typer.Option(help="Why they were refused, such as schema.")]
Source = Annotated[str | None, typer.Option(help="Source of their events, where it is known.")]
Topic = Annotated[str | None, typer.Option(help="Where they came from; http is a topic too.")]
Since = Annotated[datetime | None, typer.Option(help="Received at or after.")]
Until = Annotated[datetime | None, typer.Option(help="Received before.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; change nothing.")]


@app.command("list")
def list_letters(
    reason: Reason = None,
    source: Source = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    *,
    status: Annotated[str, typer.Option(help="open, replayed or discarded.")] = "open",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters, oldest first."""
    from rich.table import Table

    from aivalue.cli.console import notes, results
    from aivalue.cli.events.dead_letters import Filter, letters

    wanted = Filter(
        status=status, reason=reason, source=source, topic=topic, since=since, until=until
    )
    found = _run(lambda client: letters(client, wanted, limit=limit + 1))
    if len(found) > limit:
        notes.print(f"there are more than these {limit:,}: --limit", style="yellow")
        found = found[:limit]
    if as_json:
        results.print_json(data=found)
        return
    table = Table("id", "received", "topic", "reason", "where", "what is wrong", "event")
    for each in found:
        error = each["errors"][0]
        table.add_row(
            str(each["dead_letter_id"]), each["received_at"][:19], each["topic"], each["reason"],
            error["path"], error["message"], each["event_id"] or "",
        )  # fmt: skip
    results.print(table)


@app.command()
def show(dead_letter_id: int, *, as_json: AsJson = False) -> None:
    """Show one letter: its bytes, its headers, what is wrong, and what was tried with it."""
    from aivalue.cli.console import results
    from aivalue.cli.events.dead_letters import letter
    from aivalue.cli.events.shown import text_of

    found = _run(lambda client: letter(client, dead_letter_id))
    if as_json:
        results.print_json(data=found)
        return
    shown = dict(found["dead_letter"])
    lines = [f"{each['path']}: {each['message']}" for each in shown.pop("errors")]
    lines += [f"header {name}: {text_of(value)}" for name, value in shown.pop("headers")]
    lines += [
        f"key: {text_of(shown.pop('key_base64'))}",
        f"value: {text_of(shown.pop('value_base64'))}",
    ]
    lines = [f"{name}: {value}" for name, value in shown.items()] + lines
    for each in found["resolutions"]:
        lines.append(
            f"{each['resolved_at'][:19]} {each['outcome']} by {each['resolved_by']}: "
            f"{each['reason']}"
        )
    for line in lines:
        results.print(line, markup=False, soft_wrap=True)


@app.command()
def discard(
    ids: Ids = None,
    reason: Reason = None,
    source: Source = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    *,
    because: Annotated[str, typer.Option(help="Why; kept for ever.")],
    as_json: AsJson = False,
) -> None:
    """Close open letters without counting them; their bytes stay."""
    from aivalue.cli.console import results
    from aivalue.cli.events.dead_letters import Filter
    from aivalue.cli.events.dead_letters import discard as discarded

    wanted = Filter(reason=reason, source=source, topic=topic, since=since, until=until)

    async def work(client: Any) -> tuple[int, list[int]]:  # noqa: ANN401 - the client is httpx's
        chosen = await _chosen(client, ids, wanted)
        return len(chosen), await discarded(client, chosen, because=because)

    n_chosen, closed = _run(work)
    if as_json:
        results.print_json(data={"discarded": closed})
    else:
        before = n_chosen - len(closed)
        results.print(
            f"{len(closed):,} letter(s) discarded"
            + (f", {before:,} already were" if before else "")
        )


def replay(  # noqa: PLR0913 - one parameter per option of the command
    ids: Ids = None,
    reason: Reason = None,
    source: Source = None,
    topic: Topic = None,
    since: Since = None,
    until: Until = None,
    *,
    patch: Annotated[
        str | None,
        typer.Option(help="JSON merge patch (RFC 7396) of every event, or @FILE that holds it."),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give open dead letters another chance; doing it twice counts nothing twice."""
    from aivalue.cli.console import FAILED, results
    from aivalue.cli.events.dead_letters import Filter
    from aivalue.cli.events.dead_letters import replay as replayed
    from aivalue.cli.events.sending import progress_bar

    wanted = Filter(reason=reason, source=source, topic=topic, since=since, until=until)
    change = _patch(patch)

    async def work(client: Any) -> Any:  # noqa: ANN401 - the client is httpx's
        chosen = await _chosen(client, ids, wanted)
        with progress_bar() as bar:
            task = bar.add_task("replaying", total=len(chosen))
            return await replayed(
                client, chosen, patch=change, dry_run=dry_run,
                advance=lambda count: bar.advance(task, count),
            )  # fmt: skip

    done = _run(work)
    if as_json:
        results.print_json(data=done.document())
    else:
        counted = ", ".join(f"{n:,} {outcome}" for outcome, n in sorted(done.counts.items()))
        results.print(f"{'would be: ' if dry_run else ''}{counted or 'no open letter matches'}")
        for each in [each for each in done.results if each["outcome"] == "rejected_again"][:20]:
            line = f"{each['dead_letter_id']}: {each.get('reason')}: {each.get('detail')}"
            results.print(line, markup=False, soft_wrap=True)
    if done.counts.get("rejected_again"):
        raise SystemExit(FAILED)


def _run(work: Any) -> Any:  # noqa: ANN401 - whatever the work returns
    from aivalue.cli.asking import answered

    return answered(lambda services: work(services.ingest))


async def _chosen(client: Any, ids: Sequence[int] | None, wanted: Any) -> list[int]:  # noqa: ANN401
    from aivalue.cli.events.dead_letters import letters

    if ids:
        return list(ids)
    return [each["dead_letter_id"] for each in await letters(client, wanted)]


def _patch(text: str | None) -> dict[str, Any] | None:
    from aivalue.cli.console import fail

    if text is None:
        return None
    try:
        said = Path(text[1:]).read_text() if text.startswith("@") else text
        patch = json.loads(said)
    except OSError as error:
        fail(f"--patch: cannot read {text[1:]}: {error.strerror}", status=WRONG_CALL)
    except ValueError as error:
        fail(f"--patch is not JSON: {error}", status=WRONG_CALL)
    if not isinstance(patch, dict):
        fail(f"--patch needs a JSON object, got {said[:_SHOWN]}", status=WRONG_CALL)
    return patch
