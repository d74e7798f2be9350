"""A case in a terminal: the table a CFO can read, and what a reader must know about it."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from aivalue.cli.cfo_table import print_rows
from aivalue.cli.demo.case import Case
from aivalue.cli.demo.figures import Figure
from aivalue.reports.cfo_table import CfoRow


def print_case(
    console: Console, case: Case, rows: Sequence[CfoRow], figures: Sequence[Figure]
) -> None:
    """Print a case's rows, then what a reader must know about them."""
    console.print()
    console.print(Text(case.title, style="bold"))
    print_rows(console, rows)
    for note in _notes(figures):
        console.print(f"  {note}", markup=False)


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
