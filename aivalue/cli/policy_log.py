"""A log of decisions in a table: read it, and print what a policy would have brought."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson

from aivalue.cli.console import WRONG_CALL, fail, results
from aivalue.cli.panel_file import names_of, numbers_of, read_rows
from aivalue.decisions.off_policy import DecisionLog, PolicyReading
from aivalue.decisions.policy_value import Floats, PolicyValue
from aivalue.effects.panel import Booleans

_Rows = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class _Needed:
    """What numbers of a column must be like."""

    words: str
    holds: Callable[[Floats], Booleans]


_ANY = _Needed("a number", np.isfinite)
_PROPENSITY = _Needed("more than 0 and at most 1", lambda values: (values > 0) & (values <= 1))
_PROBABILITY = _Needed("0 to 1", lambda values: (values >= 0) & (values <= 1))


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
        outcome=_numbers(rows, columns.outcome),
        propensity=_numbers(rows, columns.propensity, _PROPENSITY),
        action=tuple(names_of(rows, columns.action) or [""] * len(rows)),
        score=_numbers(rows, columns.score) if columns.score else np.full(len(rows), np.nan),
    )


def probabilities_of(rows: _Rows, columns: Columns) -> Probabilities:
    """Read the policy's probabilities, and predictions where there are any."""
    predicted = None
    if columns.predicted:
        predicted = (
            _numbers(rows, columns.predicted),
            _numbers(rows, columns.predicted_by_policy),
        )
    return Probabilities(new=_numbers(rows, columns.new, _PROBABILITY), predicted=predicted)


def _numbers(rows: _Rows, name: str, needed: _Needed = _ANY) -> Floats:
    """Read a column that has a number in every row, or blame the first line that has not."""
    values = numbers_of(rows, name)
    wrong = np.isnan(values) | ~needed.holds(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        fail(
            f'line {row + 2}: {name} is "{rows[row][name]}", needs {needed.words}',
            status=WRONG_CALL,
        )
    return values


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
