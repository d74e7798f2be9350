"""A log of decisions in a CSV file: read it, and print what a policy would have brought."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson

from aivalue.cli.console import WRONG_CALL, fail, results
from aivalue.cli.panel_file import numbers_of, read_rows
from aivalue.decisions.off_policy import DecisionLog, PolicyReading
from aivalue.decisions.policy_value import Floats, PolicyValue

_Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what; an empty name is none."""

    outcome: str
    propensity: str
    action: str
    score: str
    new: str
    predicted: str
    predicted_by_policy: str

    def read(self, path: Path) -> _Rows:
        """Read the file, which must have the columns that are named and all that are needed."""
        if not self.new and not self.action:
            fail("--always and --threshold need --action COLUMN", status=WRONG_CALL)
        if bool(self.predicted) != bool(self.predicted_by_policy):
            fail("--predicted and --predicted-by-policy go together", status=WRONG_CALL)
        named = (
            self.outcome, self.propensity, self.action, self.score, self.new, self.predicted,
            self.predicted_by_policy,
        )  # fmt: skip
        return read_rows(path, [name for name in named if name])


@dataclass(frozen=True, slots=True)
class Probabilities:
    """What a table says of a policy that is known by its probabilities."""

    new: Floats
    predicted: tuple[Floats, Floats] | None


def log_of(rows: _Rows, columns: Columns) -> DecisionLog:
    """Read the decisions."""
    return DecisionLog(
        outcome=numbers_of(rows, columns.outcome),
        propensity=numbers_of(rows, columns.propensity),
        action=tuple(row[columns.action] if columns.action else "" for row in rows),
        score=(numbers_of(rows, columns.score) if columns.score else np.full(len(rows), np.nan)),
    )


def probabilities_of(rows: _Rows, columns: Columns) -> Probabilities:
    """Read the policy's probabilities, and predictions where there are any."""
    predicted = None
    if columns.predicted:
        predicted = (
            numbers_of(rows, columns.predicted),
            numbers_of(rows, columns.predicted_by_policy),
        )
    return Probabilities(new=numbers_of(rows, columns.new), predicted=predicted)


def show(found: PolicyReading, *, as_json: bool) -> None:
    """Print it, as JSON or for people."""
    if as_json:
        document = {
            **asdict(found.value),
            "grade": "C",
            "others": [asdict(each) for each in found.others],
        }
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2)
        results.file.write(text.decode() + "\n")
        return
    value = found.value
    results.print(f"[bold]{_figure(value)}[/bold] a decision, {value.method.replace('_', ' ')}")
    gain = value.gain
    results.print(
        f"{gain.point:+.6g} ({gain.low:+.6g}, {gain.high:+.6g}) against what was decided, "
        f"at {gain.confidence:.0%} confidence"
    )
    results.print(
        f"grade C: weighted by logged propensities; {value.n} decisions tell as much as "
        f"{value.effective_n:.0f} of the policy's own, mean weight {value.mean_weight:.3f}"
    )
    for other in found.others:
        results.print(f"  {other.method.replace('_', ' '):<20} {_figure(other)}")
    for warning in value.warnings:
        results.print(f"[yellow]warning[/yellow] {warning}")


def _figure(found: PolicyValue) -> str:
    value = found.value
    return f"{value.point:.6g} ({value.low:.6g}, {value.high:.6g})"
