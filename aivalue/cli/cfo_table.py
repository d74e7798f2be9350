"""The table a CFO can read, in a terminal: one block an initiative, one line a KPI."""

from collections.abc import Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aivalue.reports.cfo_table import HEADER, CfoRow, cells

WIDE = 160
_VERDICT_STYLE = {"confirmed": "green", "negative": "red", "inconclusive": "yellow"}
_MISSING = "-"


def print_rows(console: Console, rows: Sequence[CfoRow]) -> None:
    """Print rows as a table, with the truth where a row knows it.

    A narrow terminal gets the same figures below each other in place of a table of fragments.
    """
    if console.width >= WIDE:
        console.print(_table(rows))
    else:
        _print_records(console, rows)


def _table(rows: Sequence[CfoRow]) -> Table:
    knows_truth = any(row.truth_effect is not None or row.truth_value is not None for row in rows)
    shown = HEADER if knows_truth else HEADER[:-1]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in shown:
        table.add_column(name, no_wrap=True)
    for initiative, lines in groupby(rows, key=lambda row: row.initiative):
        table.add_row(Text(initiative, style="bold cyan"))
        for row in lines:
            style = _VERDICT_STYLE.get(row.verdict or "")
            name, *rest = cells(row)[: len(shown)]
            table.add_row("  " + (name if row.kpi else "together"), *rest, style=style)
    return table


def _print_records(console: Console, rows: Sequence[CfoRow]) -> None:
    for initiative, lines in groupby(rows, key=lambda row: row.initiative):
        console.print(Text(f"  {initiative}", style="bold cyan"))
        for row in lines:
            name, *rest = cells(row)
            console.print(f"    {name if row.kpi else 'together'}", markup=False)
            for title, cell in zip(HEADER[1:], rest, strict=True):
                if cell != _MISSING:
                    style = _VERDICT_STYLE.get(row.verdict or "") if title == "effect" else None
                    console.print(Text(f"      {title:<9} {cell}", style=style or ""))
