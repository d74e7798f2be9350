"""The commands `aivalue events backfills`, `revert` and `restore`."""

import asyncio
from typing import Annotated, Any, Literal

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Backfill = Annotated[str, typer.Option("--backfill", help="Its name, as it was imported under.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept for ever.")]
# Everything derived from a million events takes minutes, in one transaction.
SECONDS_MAX = 3_600.0


def backfills(*, as_json: AsJson = False) -> None:
    """List backfills: what each brought, and which are reverted."""
    from rich.table import Table

    from aivalue.cli.console import results

    found = asyncio.run(_listed())
    if as_json:
        results.print_json(data=found)
        return
    table = Table("backfill", "events", "since", "reverted", "why")
    for each in found:
        table.add_row(
            each["backfill"], f"{each['n_events']:,}", each["announced_at"][:19],
            (each["reverted_at"] or "")[:19], each["revert_reason"] or "",
        )  # fmt: skip
    results.print(table)


def revert(backfill: Backfill, reason: Reason, *, as_json: AsJson = False) -> None:
    """Stop counting what came with a backfill alone, now and later."""
    _change("revert", backfill, reason, as_json=as_json)


def restore(backfill: Backfill, reason: Reason, *, as_json: AsJson = False) -> None:
    """Count a reverted backfill again."""
    _change("restore", backfill, reason, as_json=as_json)


def _change(
    what: Literal["revert", "restore"], backfill: str, reason: str, *, as_json: bool
) -> None:
    from aivalue.cli.console import results

    state = asyncio.run(_changed(what, backfill, reason))
    if as_json:
        results.print_json(data=state)
        return
    counts = "does not count" if state["reverted"] else "counts"
    already = "" if state["changed"] else ", and did so before"
    results.print(f"backfill {backfill} {counts}{already}", markup=False, soft_wrap=True)


async def _changed(what: str, backfill: str, reason: str) -> Any:  # noqa: ANN401 - JSON
    from aivalue.cli.service_calls import call, connected
    from aivalue.runtime.settings import RuntimeSettings

    async with connected(RuntimeSettings()) as services:
        return await call(
            services.ingest,
            "POST",
            f"/v1/backfills:{what}",
            json={"backfill": backfill, "reason": reason},
            timeout=SECONDS_MAX,
        )


async def _listed() -> list[dict[str, Any]]:
    from aivalue.cli.service_calls import call, connected
    from aivalue.runtime.settings import RuntimeSettings

    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    async with connected(RuntimeSettings()) as services:
        while cursor is not None:
            page = await call(services.ingest, "GET", "/v1/backfills", params={"cursor": cursor})
            found += page["backfills"]
            cursor = page["next_cursor"]
    return found
