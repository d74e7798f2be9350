"""`aivalue ingest`: the logs that events are read from, and what only an operator may decide."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import httpx
import typer

from aivalue.cli.answers import ingest as answers
from aivalue.cli.asking import answered
from aivalue.cli.console import FAILED, WRONG_CALL, fail, notes, results
from aivalue.cli.ingest_days import days
from aivalue.cli.service_calls import CallFailed, call

app = typer.Typer(
    help="The logs that events are read from: where they stand, and whether they were edited.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Topic = Annotated[str | None, typer.Option(help="Only of this topic; http is one too.")]
Partition = Mapping[str, Any]
_HASH = re.compile("[0-9a-f]{64}")
app.command()(days)


@app.command()
def partitions(topic: Topic = None, *, as_json: AsJson = False) -> None:
    """List the partitions: who reads each, where it stands, what is halted and why."""
    from rich.table import Table

    found = answered(lambda services: _partitions(services.ingest, topic))
    if as_json:
        results.print_json(data=found)
        return
    table = Table("topic", "partition", "next offset", "state", "read by", "why")
    for each in found:
        table.add_row(
            _name(each), str(each["partition"]), f"{each['next_offset']:,}",
            "closed" if each["closed"] else each["state"], each["owner"] or "",
            each["halt_reason"] or "",
        )  # fmt: skip
    results.print(table)


@app.command()
def resume(
    topic: Annotated[str | None, typer.Argument(help="Whose partition goes on.")] = None,
    partition: Annotated[int | None, typer.Argument(min=0, help="Which one.")] = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Every halted partition, of TOPIC if it is named.")
    ] = False,
    forget_tail: Annotated[
        bool,
        typer.Option("--forget-tail", help="Do not compare the last stored record with the log's."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let halted partitions go on where they stopped."""
    if every == (partition is not None) or (partition is not None and topic is None):
        fail("name a topic and a partition, or --all", status=WRONG_CALL)
    resumed = answered(
        lambda services: _resumed(services.ingest, topic, partition, forget_tail=forget_tail)
    )
    if as_json:
        results.print_json(data={"resumed": resumed})
        return
    for each in resumed:
        results.print(f"{each['topic']}/{each['partition']} goes on", markup=False, soft_wrap=True)
    if not resumed:
        results.print("no partition is halted")


@app.command()
def rotate(
    topic: Annotated[str, typer.Argument(help="Which topic was created anew.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; kept for ever.")],
    as_json: AsJson = False,
) -> None:
    """Begin a topic's log at its first record, because it is another one than before."""
    said = {"topic": topic, "reason": reason}
    rotated = answered(
        lambda services: call(
            services.ingest, "POST", "/v1/logs:rotate", answers.Rotated, json=said
        )
    )
    if as_json:
        results.print_json(data=rotated)
    else:
        results.print(f"{topic} is read from its first record", markup=False, soft_wrap=True)


@app.command()
def verify(
    topic: Topic = None,
    known_hash: Annotated[
        str | None,
        typer.Option("--hash", help="A hash that an earlier call printed; it must still hold."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Compute every batch's hash again from what is stored; ends with status 1 at any fault."""
    if known_hash is not None and not _HASH.fullmatch(known_hash):
        fail(f"--hash is 64 hexadecimal digits, got {known_hash!r}", status=WRONG_CALL)
    answers = answered(lambda services: _verified(services.ingest, topic, known_hash))
    lost = known_hash is not None and not any(each["hash_found"] for each in answers)
    if as_json:
        results.print_json(data={"partitions": answers, "hash_lost": lost})
    else:
        _show(answers)
        if lost:
            notes.print(f"no batch has the hash {known_hash}", style="red", soft_wrap=True)
    if lost or any(each["n_faults"] for each in answers):
        raise typer.Exit(FAILED)


def _show(answers: Sequence[Partition]) -> None:
    from rich.table import Table

    for each in answers:
        for fault in each["faults"]:
            text = f"{fault['row']}: {fault['fault']}"
            results.print(text, style="red", markup=False, soft_wrap=True)
    table = Table("topic", "partition", "records", "batches", "faults", "last hash")
    # Of a partition that nothing was ever read from there is nothing to say.
    for each in [each for each in answers if each["end_offset"]]:
        table.add_row(
            _name(each), str(each["partition"]), f"{each['n_records']:,}",
            f"{each['n_batches']:,}", str(each["n_faults"]), each["head_hash"],
        )  # fmt: skip
    results.print(table)
    n_unsealed = sum(each["n_unsealed"] for each in answers)
    if n_unsealed:
        results.print(f"{n_unsealed:,} batches are older than what their digest needs")
    results.print("keep the hashes elsewhere: --hash HASH tells whether one still holds")


def _name(partition: Partition) -> str:
    first = partition["incarnation"] == 1
    return str(partition["topic"]) + ("" if first else f" (log {partition['incarnation']})")


async def _partitions(client: httpx.AsyncClient, topic: str | None) -> list[Any]:
    """Return the partitions, of one topic or all.

    Raises
    ------
    CallFailed
        There is no such topic: none of its partitions at fault would look like no fault.
    """
    known = await call(client, "GET", "/v1/partitions", list[answers.Partition])
    found = [each for each in known if topic in {None, each["topic"]}]
    if topic is not None and not found:
        topics = ", ".join(dict.fromkeys(each["topic"] for each in known)) or "none yet"
        raise CallFailed(f"topic {topic} is not known; known are {topics}")
    return found


async def _resumed(
    client: httpx.AsyncClient, topic: str | None, partition: int | None, *, forget_tail: bool
) -> list[dict[str, Any]]:
    wanted = [{"topic": topic, "partition": partition}]
    if partition is None:
        wanted = [
            {"topic": each["topic"], "partition": each["partition"]}
            for each in await _partitions(client, topic)
            if each["state"] == "halted" and not each["closed"]
        ]
    for each in wanted:
        said = {**each, "forget_tail": forget_tail}
        await call(client, "POST", "/v1/partitions:resume", None, json=said)
    return wanted


async def _verified(
    client: httpx.AsyncClient, topic: str | None, known_hash: str | None
) -> list[dict[str, Any]]:
    from aivalue.cli.events.sending import progress_bar

    wanted = await _partitions(client, topic)
    with progress_bar() as bar:
        task = bar.add_task("verifying", total=sum(each["next_offset"] for each in wanted))
        answers = []
        for each in wanted:
            answer: dict[str, Any] = {}
            async for part in _walk(client, each, known_hash):
                bar.advance(task, part["next_offset"] - answer.get("next_offset", 0))
                answer = _sum(answer, part)
            answers.append(answer)
    return answers


async def _walk(client: httpx.AsyncClient, place: Partition, known_hash: str | None) -> Any:  # noqa: ANN401
    """Yield answers until the partition's end."""
    at, end = 0, 1
    while at < end:
        params = {
            "topic": place["topic"], "partition": place["partition"],
            "incarnation": place["incarnation"], "start_offset": at,
        }  # fmt: skip
        if known_hash is not None:
            params["known_hash"] = known_hash
        part = await call(client, "GET", "/v1/verification", answers.PartVerified, params=params)
        yield part
        at, end = part["next_offset"], part["end_offset"]


def _sum(total: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Add the answer for the next part of a partition to those before."""
    if not total:
        return part
    counted = ("n_batches", "n_records", "n_unsealed", "n_faults", "faults")
    return {
        **part,
        **{name: total[name] + part[name] for name in counted},
        "hash_found": total["hash_found"] or part["hash_found"],
    }
