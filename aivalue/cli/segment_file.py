"""A table as the estimators read it: as it stands, or one series with the mix of segments held."""

from pathlib import Path

from aivalue.cli.console import WRONG_CALL, fail
from aivalue.cli.panel_file import Columns, read_rows, table_of
from aivalue.effects.front_door.segments import held_series
from aivalue.effects.front_door.table import PanelTable
from aivalue.effects.segments.parts import ChangeParts


def series_of(path: Path, columns: Columns, segment: str) -> tuple[PanelTable, ChangeParts | None]:
    """Read the file; an empty `segment` names no column."""
    if not segment:
        rows = read_rows(path, columns.needed)
        _require_units(rows, columns)
        return table_of(rows, columns), None
    if columns.unit or not columns.time:
        fail("--segment is of one series: it needs --time and no --unit", status=WRONG_CALL)
    rows = read_rows(path, [*columns.needed, segment])
    return held_series(table_of(rows, columns), [row[segment] for row in rows])


def _require_units(rows: list[dict[str, str]], columns: Columns) -> None:
    """Refuse rows of several units that nothing names."""
    if columns.unit or not columns.time:
        return
    seen: set[str] = set()
    for line, row in enumerate(rows, 2):
        if row[columns.time] in seen:
            again = f"line {line}: {columns.time} is {row[columns.time]} again"
            fail(f"{again}: --unit needs to name the column with the unit", status=WRONG_CALL)
        seen.add(row[columns.time])
