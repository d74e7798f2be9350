"""`aivalue ledger`: whether what was recorded is still what was recorded."""

from typing import Annotated

import typer

from aivalue.cli.answers import record as answers
from aivalue.cli.asking import answered
from aivalue.cli.console import FAILED, results
from aivalue.cli.service_calls import call

app = typer.Typer(help="The record: verify that nobody has edited it.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `verify` a subcommand while it is the only one."""


@app.command()
def verify(
    known_hash: Annotated[
        str | None,
        typer.Option("--hash", help="A hash that an earlier call printed; it must still hold."),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Re-derive every recorded row, hash and figure; ends with status 1 at any fault."""
    params = {} if known_hash is None else {"known_hash": known_hash}
    answer = answered(
        lambda services: call(
            services.baseline, "GET", "/v1/verification", answers.RecordVerified, params=params
        )
    )
    if as_json:
        results.print_json(data=answer)
    else:
        _show(answer)
    if answer["faults"]:
        raise typer.Exit(FAILED)


def _show(answer: answers.RecordVerified) -> None:
    for each in answer["faults"]:
        results.print(f"{each['row']}: {each['fault']}", style="red", markup=False, soft_wrap=True)
    counts = (
        f"{answer['n_baselines']} baselines, {answer['n_definitions']} definitions, "
        f"{answer['n_reviews']} reviews, {answer['n_gates']} gates"
    )
    results.print(f"{counts}: {len(answer['faults'])} fault(s)")
    head = answer["head"]
    if head is not None:
        results.print(f"chain of {head['position']} entries ends in {head['hash']}", soft_wrap=True)
        results.print("keep that hash elsewhere: --hash HASH tells whether it still holds")
