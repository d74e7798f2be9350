"""A table as the estimators read it: as it stands, or one series with the mix of segments held."""

from pathlib import Path

from aivalue.cli.console import WRONG_CALL, fail
from aivalue.cli.panel_file import Columns, read_rows, table_of
from aivalue.effects.front_door.segments import held_series
from aivalue.effects.front_door.table import PanelTable
from aivalue.effects.parts import ChangeParts


def series_of(path: Path, columns: Columns, segment: str) -> tuple[PanelTable, ChangeParts | None]:
    """Read the file; an empty `segment` names no column."""
    if not segment:
        return table_of(read_rows(path, columns.needed), columns), None
    if columns.unit or not columns.time:
        fail("--segment is of one series: it needs --time and no --unit", status=WRONG_CALL)
    rows = read_rows(path, [*columns.needed, segment])
    return held_series(table_of(rows, columns), [row[segment] for row in rows])
