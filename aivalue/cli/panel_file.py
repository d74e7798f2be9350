"""A panel in a CSV file: read it, or say which line is at fault; print what it says."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson

from aivalue.cli.console import fail, results
from aivalue.effects.front_door.document import document_of_panel
from aivalue.effects.front_door.estimate_panel import PanelEstimate
from aivalue.effects.front_door.table import PanelTable
from aivalue.effects.panel import Floats

WRONG_CALL = 2
_TRUE = {"1", "1.0", "true", "yes", "t", "treatment", "treated"}
_FALSE = {"0", "0.0", "false", "no", "f", "control", "holdout", ""}
_MISSING = {"", "na", "nan", "null", "none"}


def read_rows(path: Path, needed: list[str]) -> list[dict[str, str]]:
    """Read a CSV file that has these columns."""
    if path.suffix.lower() in {".parquet", ".pq"}:
        fail("Parquet needs a reader that is not installed: convert to CSV", status=WRONG_CALL)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}", status=WRONG_CALL)
    if not rows:
        fail(f"{path} has no rows", status=WRONG_CALL)
    absent = [name for name in needed if name not in rows[0]]
    if absent:
        fail(
            f"{path} has no column {', '.join(absent)}; it has {', '.join(rows[0])}",
            status=WRONG_CALL,
        )
    return rows


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what; an empty name is none."""

    outcome: str
    treated: str
    unit: str = ""
    time: str = ""
    cluster: str = ""
    stratum: str = ""
    denominator: str = ""
    names: tuple[str, ...] = ()

    @property
    def needed(self) -> list[str]:
        """The columns that the file must have."""
        others = (self.unit, self.time, self.cluster, self.stratum, self.denominator)
        return [self.outcome, self.treated, *filter(None, others), *self.names]


def table_of(rows: list[dict[str, str]], columns: Columns) -> PanelTable:
    """Read the cells; an empty unit or time column means each row by itself, or all at once."""
    numbers = [numbers_of(rows, name) for name in columns.names]
    time = columns.time
    return PanelTable(
        unit=units_of(rows, columns),
        time=[row[time] if time else "0" for row in rows],
        outcome=numbers_of(rows, columns.outcome),
        treated=np.array([_flag(row, columns.treated, line) for line, row in enumerate(rows, 2)]),
        covariates=np.array(numbers, np.float64).reshape(len(numbers), len(rows)).T,
        cluster=_texts(rows, columns.cluster),
        stratum=_texts(rows, columns.stratum),
        denominator=numbers_of(rows, columns.denominator) if columns.denominator else None,
    )


def units_of(rows: list[dict[str, str]], columns: Columns) -> list[str]:
    """Name each row's unit; without a column, distinct times are one series, else each row is."""
    if columns.unit:
        return [row[columns.unit] for row in rows]
    if columns.time and len({row[columns.time] for row in rows}) == len(rows):
        return ["series"] * len(rows)
    return [str(line) for line in range(len(rows))]


def _texts(rows: list[dict[str, str]], name: str) -> list[str]:
    return [row[name] for row in rows] if name else []


def numbers_of(rows: list[dict[str, str]], name: str) -> Floats:
    """Read a column; what is missing is NaN."""
    return np.array([_number(row, name, line) for line, row in enumerate(rows, 2)])


def _number(row: dict[str, str], name: str, line: int) -> float:
    text = row[name].strip()
    if text.lower() in _MISSING:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        fail(f'line {line}: {name} is "{text}", needs a number', status=WRONG_CALL)
    if math.isinf(value):
        fail(f"line {line}: {name} is infinite", status=WRONG_CALL)
    return value


def _flag(row: dict[str, str], name: str, line: int) -> bool:
    text = row[name].strip().lower()
    if text not in _TRUE | _FALSE:
        fail(f'line {line}: {name} is "{text}", needs 0 or 1', status=WRONG_CALL)
    return text in _TRUE


def show(found: PanelEstimate, *, is_relative: bool, as_json: bool) -> None:
    """Print it, as JSON or for people."""
    if as_json:
        text = orjson.dumps(document_of_panel(found), option=orjson.OPT_INDENT_2)
        results.file.write(text.decode() + "\n")
    else:
        _print(found, is_relative=is_relative)


def _print(found: PanelEstimate, *, is_relative: bool) -> None:
    figure = found.figure
    point, low, high = (
        f"{value:+.1%}" if is_relative else f"{value:+.6g}"
        for value in (figure.point, figure.low, figure.high)
    )
    results.print(f"[bold]{point}[/bold] ({low}, {high}) at {figure.confidence:.0%} confidence")
    results.print(
        f"{found.verdict}, grade {found.graded.grade}, p = {found.p_value:.3g}; "
        f"{found.effect.n_treated} treated, {found.effect.n_control} control"
    )
    results.print(f"{found.choice.design}: {found.effect.estimator} ({found.choice.reason})")
    results.print(f"an effect of {found.detectable:.4g} would be found in 80 % of cases")
    if found.monitored is not None:
        anytime = found.monitored.anytime
        results.print(f"watched daily, trust ({anytime.low:+.6g}, {anytime.high:+.6g}) instead")
    for check in found.checks:
        results.print(f"  {check.status:15} {check.name}: {check.in_words}")
    for each in found.choice.alternatives:
        results.print(f"  [dim]not {each.estimator}: {each.why_not}[/dim]")
