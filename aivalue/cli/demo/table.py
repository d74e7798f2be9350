"""The table a CFO can read, in a terminal: one block an initiative, one line a KPI."""

from collections.abc import Sequence
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aivalue.cli.demo.case import Case
from aivalue.cli.demo.figures import Figure
from aivalue.reports.cfo_table import HEADER, CfoRow, cells

WIDE = 160
_VERDICT_STYLE = {"confirmed": "green", "negative": "red", "inconclusive": "yellow"}
_MISSING = "-"


def print_case(
    console: Console, case: Case, rows: Sequence[CfoRow], figures: Sequence[Figure]
) -> None:
    """Print a case's rows, then what a reader must know about them.

    A narrow terminal gets the same figures below each other in place of a table of fragments.
    """
    console.print()
    console.print(Text(case.title, style="bold"))
    if console.width >= WIDE:
        console.print(_table(rows))
    else:
        _print_records(console, rows)
    for note in _notes(figures):
        console.print(f"  {note}", markup=False)


def _table(rows: Sequence[CfoRow]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in HEADER:
        table.add_column(name, no_wrap=True)
    for initiative, lines in groupby(rows, key=lambda row: row.initiative):
        table.add_row(Text(initiative, style="bold cyan"))
        for row in lines:
            style = _VERDICT_STYLE.get(row.verdict or "")
            name, *rest = cells(row)
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


def _notes(figures: Sequence[Figure]) -> list[str]:
    notes = []
    for figure in figures:
        late = figure.late
        if late is not None and late.effect is not None:
            truth = "" if late.truth is None else f"; truth {late.truth:+.1f} {late.effect.unit}"
            effect = late.effect
            notes.append(
                f"{figure.name}, {late.start} to {late.end}: {effect.point:+.1f} {effect.unit} "
                f"({effect.low:+.1f} to {effect.high:+.1f}){truth}"
            )
    if any(figure.reconstructed for figure in figures):
        notes.append(
            "Baselines were frozen just now, after go-live: flagged as reconstructed, grade at "
            "most C. Freeze before go-live to earn a B or an A."
        )
    unpriced = {figure.value_reason for figure in figures if figure.value_reason}
    notes += [f"Not priced: {reason}" for reason in sorted(unpriced)]
    return notes
