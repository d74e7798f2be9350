"""How `aivalue baseline` prints findings: readiness before a freeze, drift after it."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from aivalue.cli.baseline.showing import short
from aivalue.cli.console import results

_COLOURS = {"pass": "green", "warn": "yellow", "fail": "red"}


def show_readiness(answer: dict[str, Any]) -> None:
    """Print the findings, the worst news last where the eye stays."""
    results.print(
        f"{answer['initiative']}, KPI {answer['kpi']}, {answer['start']} until before "
        f"{answer['end']}: [{_COLOURS[answer['status']]}]{answer['status']}[/]"
    )
    results.print(_table(answer["items"]))


def show_drift(answer: dict[str, Any]) -> None:
    """Print how today's events differ from what was frozen."""
    if not (answer["differs"] or answer["new_units"]):
        results.print("no drift: the events say what was frozen")
        return
    results.print(
        f"{_counts(answer)} since the freeze; the baseline stays as it is", soft_wrap=True
    )
    results.print(
        f"level {short(answer['level_before'])} frozen, {short(answer['level_after'])} now"
    )
    _show_days(answer)
    if answer["new_units"]:
        results.print(f"units measured since: {', '.join(answer['new_units'])}", markup=False)


def show_difference(answer: dict[str, Any]) -> None:
    """Print how one baseline differs from another."""
    if not answer["differs"]:
        results.print("no difference: the same measurements")
        return
    results.print(_counts(answer))
    change = "" if answer["level_change"] is None else f", {float(answer['level_change']):+.2%}"
    results.print(
        f"level {short(answer['level_before'])} to {short(answer['level_after'])}{change}"
    )
    _show_days(answer)


def _counts(answer: dict[str, Any]) -> str:
    return f"{answer['added']} rows added, {answer['removed']} removed, {answer['changed']} changed"


def _show_days(answer: dict[str, Any]) -> None:
    for each in answer["days"]:
        results.print(f"  {each['day']} {each['unit']} {each['how']}", markup=False)


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
