"""From a call of `aivalue estimate` to its answer: read the table, estimate, draw, print."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from aivalue.cli.console import WRONG_CALL, fail
from aivalue.cli.estimate.plot import plot_to, require_plottable
from aivalue.cli.estimate.showing import show
from aivalue.cli.panel_file import Columns
from aivalue.cli.segment_file import series_of
from aivalue.effects.front_door.choice import ALIASES, DESIGNS, ESTIMATORS
from aivalue.effects.front_door.estimate_panel import estimate_panel
from aivalue.effects.front_door.ran import Options
from aivalue.errors import AivalueError


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the call names.

    Attributes
    ----------
    segment : the column with it; empty is none
    estimator : its name, that of a design, or "auto"
    better, inference : as they were typed
    plot : where to draw, or None
    """

    columns: Columns
    segment: str
    estimator: str
    better: str
    is_relative: bool
    approver: str | None
    inference: str
    plot: Path | None
    as_json: bool


def answer(panel: Path, asked: Asked, options: Options) -> None:
    """Estimate from the file, draw it if asked, and print it."""
    if asked.better not in {"higher", "lower"}:
        fail(f"--better is higher or lower, got {asked.better}", status=WRONG_CALL)
    if asked.inference not in {"calibrated", "permutation"}:
        fail(f"--inference is calibrated or permutation, got {asked.inference}", status=WRONG_CALL)
    known = {"auto", *DESIGNS, *ESTIMATORS, *ALIASES}
    if asked.estimator not in known:
        names = f"{', '.join(ESTIMATORS)}; designs {', '.join(DESIGNS)}"
        fail(f"no estimator is called {asked.estimator}; there are {names}", status=WRONG_CALL)
    for day in options.holidays:
        _require_day(day)
    if asked.plot is not None:
        require_plottable(asked.plot)
    try:
        table, parts = series_of(panel, asked.columns, asked.segment)
        found = estimate_panel(
            table,
            estimator=asked.estimator,
            better_when="lower" if asked.better == "lower" else "higher",
            is_relative=asked.is_relative,
            approver=asked.approver,
            options=options,
        )
    except AivalueError as refusal:
        fail(f"not estimable: {refusal}")
    found = replace(found, parts=parts)
    outcome = asked.columns.outcome
    if asked.plot is not None:
        plot_to(asked.plot, found, outcome=outcome, is_relative=asked.is_relative)
    show(found, outcome=outcome, is_relative=asked.is_relative, as_json=asked.as_json)


def _require_day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        fail(f"--holiday is {text}, needs a day such as 2024-12-25", status=WRONG_CALL)
