"""The table of docs/validation.md, and the same as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tests.validation.cell import WIDTH_MAX, Cell
from tests.validation.outcome import Outcome, shortfalls

BEGIN, END = "<!-- table: written by make validate -->", "<!-- end of table -->"


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """Write one row per cell, ours beside the peers'."""
    columns = "situation|method|draws|covered, %|peers, %|width / oracle|bias|flagged, %|promise"
    lines = [f"| {columns.replace('|', ' | ')} |", "|---|---|---|---|---|---|---|---|---|"]
    for each in outcomes:
        ratio = "" if each.width_ratio is None else f"{each.width_ratio:.2f}"
        ratio += "" if each.narrow is None else f" ({100 * each.narrow:.0f})"
        is_flagging = each.cell.promise == "guarded" or each.cell.flagged_max < 1
        flagged = f"{100 * each.flagged:.0f}" if is_flagging else ""
        lines.append(
            f"| {each.cell.name} | {each.cell.method} | {each.draws} | {100 * each.coverage:.1f} "
            f"({100 * each.monte_carlo_error:.1f}) | {each.cell.peers} | {ratio} "
            f"| {each.bias:+.3f} | {flagged} | {_promise(each)} |"
        )
    return "\n".join(lines) + "\n"


def _promise(found: Outcome) -> str:
    cell, broken = found.cell, shortfalls(found)
    said = cell.promise + (f": {cell.reason}" if cell.reason else "")
    if cell.width_max > WIDTH_MAX:
        said += f"; at most {cell.width_max:g} times the width"
    if cell.promise == "guarded":
        said = f"guarded, {100 * found.missed:.1f} missed: {cell.reason}"
    return f"{said}. **Not kept: {'; '.join(broken)}**" if broken else said


def as_json(outcomes: Sequence[Outcome], *, seed: int) -> str:
    """Write everything counted."""
    cells = []
    for each in outcomes:
        row: dict[str, Any] = asdict(each)
        cell = row.pop("cell")
        del cell["draw"]
        cell["bias_max"] = None if cell["bias_max"] == float("inf") else cell["bias_max"]
        cells.append({**cell, **row, "not_kept": shortfalls(each)})
    return json.dumps({"seed": seed, "cells": cells}, indent=1) + "\n"


def with_earlier(
    outcomes: Sequence[Outcome], earlier: str, cells: Sequence[Cell], *, seed: int
) -> list[Outcome]:
    """Return an outcome of every cell that has one: drawn now, else as written earlier.

    Raises
    ------
    ValueError
        What was written earlier had another seed.
    """
    document = json.loads(earlier)
    if document["seed"] != seed:
        raise ValueError(f"the page has seed {document['seed']}, this run {seed}")
    now = {each.cell.name: each for each in outcomes}
    rows = {row["name"]: row for row in document["cells"]}
    counted = [field.name for field in fields(Outcome) if field.name != "cell"]
    found = []
    for cell in cells:
        if cell.name in now:
            found.append(now[cell.name])
        elif cell.name in rows:
            row = rows[cell.name]
            found.append(Outcome(cell=cell, **{name: row.get(name) for name in counted}))
    return found


def into_page(page: Path, outcomes: Sequence[Outcome], *, seed: int) -> None:
    """Put the table between its marks."""
    text = page.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    draws = {each.draws for each in outcomes}
    size = f"{min(draws):,}" if len(draws) == 1 else f"{min(draws):,} to {max(draws):,}"
    head = f"{size} draws per situation, seed {seed}:"
    page.write_text(f"{before}{BEGIN}\n\n{head}\n\n{as_markdown(outcomes)}\n{END}{after}")
