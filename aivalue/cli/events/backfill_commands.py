"""The commands `aivalue events backfills`, `revert` and `restore`."""

from typing import Annotated, Any, Literal

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Backfill = Annotated[str, typer.Option("--backfill", help="Its name, as it was imported under.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept for ever.")]
# A slice is a few seconds of work, behind whatever else works on the same days.
SECONDS_MAX = 600.0


def backfills(*, as_json: AsJson = False) -> None:
    """List backfills: what each brought, and which are reverted."""
    from rich.table import Table

    from aivalue.cli.asking import answered
    from aivalue.cli.console import results

    found = answered(lambda services: _listed(services.ingest))
    if as_json:
        results.print_json(data=found)
        return
    table = Table("backfill", "events", "since", "reverted", "why")
    for each in found:
        table.add_row(
            each["backfill"], f"{each['n_events']:,}", each["announced_at"][:19],
            _reverted(each), each["revert_reason"] or "",
        )  # fmt: skip
    results.print(table)


def _reverted(backfill: dict[str, Any]) -> str:
    if backfill["state"] == "partly_reverted":
        return f"{backfill['n_reverted']:,} events; revert or restore to go on"
    return str(backfill["reverted_at"] or "")[:19]


def revert(backfill: Backfill, reason: Reason, *, as_json: AsJson = False) -> None:
    """Stop counting what came with a backfill alone, now and later.

    A large one is taken back by slices; interrupted, the same command goes on.
    """
    _change("revert", backfill, reason, as_json=as_json)


def restore(backfill: Backfill, reason: Reason, *, as_json: AsJson = False) -> None:
    """Count a reverted backfill again."""
    _change("restore", backfill, reason, as_json=as_json)


def _change(
    what: Literal["revert", "restore"], backfill: str, reason: str, *, as_json: bool
) -> None:
    from aivalue.cli.asking import answered
    from aivalue.cli.console import results

    state = answered(lambda services: _changed(services.ingest, what, backfill, reason))
    if as_json:
        results.print_json(data=state)
        return
    counts = "does not count" if state["reverted"] else "counts"
    already = "" if state["changed"] else ", and did so before"
    results.print(f"backfill {backfill} {counts}{already}", markup=False, soft_wrap=True)


async def _changed(client: Any, what: str, backfill: str, reason: str) -> Any:  # noqa: ANN401 - JSON
    """Ask for one slice after the other; whoever asks again later goes on where this stopped."""
    from aivalue.cli.answers import ingest as answers
    from aivalue.cli.events.sending import progress_bar
    from aivalue.cli.service_calls import call

    said = {"backfill": backfill, "reason": reason}
    path = f"/v1/backfills:{what}"
    before = next((each for each in await _listed(client) if each["backfill"] == backfill), None)
    with progress_bar() as bar:
        task = bar.add_task(f"{what}ing", total=_n_to_do(what, before))
        changed = False
        while True:
            state = await call(
                client, "POST", path, answers.BackfillState, json=said, timeout=SECONDS_MAX
            )
            changed |= state["changed"]
            bar.update(task, completed=_n_to_do(what, before) - state["n_left"])
            if not state["n_left"]:
                return {**state, "changed": changed}


def _n_to_do(what: str, before: dict[str, Any] | None) -> int:
    if before is None:
        return 0
    n_reverted = int(before["n_reverted"])
    return int(before["n_events"]) - n_reverted if what == "revert" else n_reverted


async def _listed(client: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - the client is httpx's
    from aivalue.cli.answers import ingest as answers
    from aivalue.cli.service_calls import pages

    found: list[dict[str, Any]] = []
    async for page in pages(client, "/v1/backfills", answers.BackfillsPage):
        found += page["backfills"]
    return found
