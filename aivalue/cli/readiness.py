"""`aivalue baseline readiness`: is the history good enough, and what effect could it show."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from aivalue.cli.console import results

_COLOURS = {"pass": "green", "warn": "yellow", "fail": "red"}


def show_readiness(answer: dict[str, Any]) -> None:
    """Print the findings, the worst news last where the eye stays."""
    results.print(
        f"{answer['initiative']}, KPI {answer['kpi']}, {answer['start']} until before "
        f"{answer['end']}: [{_COLOURS[answer['status']]}]{answer['status']}[/]"
    )
    results.print(_table(answer["items"]))


def _table(items: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for item in sorted(items, key=lambda each: list(_COLOURS).index(each["status"])):
        colour = _COLOURS[item["status"]]
        needed = "" if item["status"] == "pass" else f"\n[dim]needs {item['needed']}[/]"
        table.add_row(
            f"[{colour}]{item['status']}[/]", item["name"], f"{_plain(item['detail'])}{needed}"
        )
    return table


def _plain(text: str) -> str:
    # Names of units come from events; square brackets in them are no markup.
    return text.replace("[", r"\[")
