"""The columns of a table of the time before, as the planning of a trial wants them."""

from pathlib import Path

import numpy as np

from aivalue.cli.console import WRONG_CALL, fail
from aivalue.cli.panel_file import Columns, numbers_of, read_rows, units_of
from aivalue.cli.panel_times import times_of
from aivalue.effects.front_door.table import sorted_times
from aivalue.effects.panel import Floats, Integers


def numbers_in(path: Path, *names: str) -> list[Floats]:
    """Read columns that have a number in every row."""
    if not all(names):
        fail("--history needs --outcome", status=WRONG_CALL)
    rows = read_rows(path, list(names))
    found = [numbers_of(rows, name) for name in names]
    for name, values in zip(names, found, strict=True):
        if not np.isfinite(values).all():
            fail(f"{name} is missing in a row of the history: leave it out", status=WRONG_CALL)
    return found


def groups_in(path: Path, name: str) -> Integers:
    """Read a column of names, as numbers."""
    if not name:
        fail("--history of clusters needs --cluster", status=WRONG_CALL)
    _, code = np.unique([row[name] for row in read_rows(path, [name])], return_inverse=True)
    return code.astype(np.int64)


def panel_in(path: Path, *, outcome: str, unit: str, time: str) -> Floats:
    """Read units by periods; without a column for the unit the table is one."""
    if not (outcome and time):
        fail("--history needs --outcome and --time", status=WRONG_CALL)
    columns = Columns(outcome=outcome, treated="", unit=unit, time=time)
    rows = read_rows(path, [name for name in (outcome, unit, time) if name])
    names, row = np.unique(units_of(rows, columns), return_inverse=True)
    times, column = sorted_times(times_of(rows, time))
    if len(set(zip(row, column, strict=True))) < len(rows):
        fail("a unit has two rows at one time", status=WRONG_CALL)
    wide = np.full((len(names), len(times)), np.nan)
    wide[row, column] = numbers_of(rows, outcome)
    return wide


def series_in(
    path: Path, *, outcome: str, time: str, controls: list[str]
) -> tuple[Floats, Floats | None]:
    """Read one series, and those beside it, shape (n_periods, n_controls); None without any."""
    panel = panel_in(path, outcome=outcome, unit="", time=time)
    if len(panel) > 1:
        fail("the history has more than one row at a time", status=WRONG_CALL)
    if not controls:
        return panel[0], None
    if len(set(controls)) < len(controls) or outcome in controls:
        fail("--control needs other columns than --outcome, each once", status=WRONG_CALL)
    beside = [panel_in(path, outcome=name, unit="", time=time)[0] for name in controls]
    for name, values in zip(controls, beside, strict=True):
        if not np.isfinite(values).all():
            fail(f"control series {name} has a gap: leave these periods out", status=WRONG_CALL)
        if not np.ptp(values) > 0:
            fail(f"control series {name} is always {values[0]:g}: leave it out", status=WRONG_CALL)
    return panel[0], np.column_stack(beside)
