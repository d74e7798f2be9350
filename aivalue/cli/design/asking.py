"""Options that all trials share, and how what was given meets what a history shows."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from aivalue.cli.console import WRONG_CALL, fail
from aivalue.errors import AivalueError

Number = TypeVar("Number", int, float)

Target = Annotated[str, typer.Option(help="Effect hoped for: 15% of the level, or 0.4.")]
Better = Annotated[str, typer.Option(help="higher or lower: which way the target goes.")]
Level = Annotated[float | None, typer.Option(help="The KPI without the AI.")]
Deviation = Annotated[float | None, typer.Option(help="Standard deviation.")]
Memory = Annotated[float | None, typer.Option(help="Correlation from period to period.")]
History = Annotated[Path | None, typer.Option(help="CSV or Parquet to learn from.")]
Outcome = Annotated[str, typer.Option(help="Its column with the KPI.")]
Unit = Annotated[str, typer.Option(help="Its column that names the unit.")]
Time = Annotated[str, typer.Option(help="Its column with the time.")]
Confidence = Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the interval.")]
Power = Annotated[float, typer.Option(min=0.5, max=0.999, help="How often it is to be seen.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What every trial is asked."""

    target: str
    better: str
    confidence: float
    power: float
    as_json: bool

    def __post_init__(self) -> None:
        if self.better not in {"higher", "lower"}:
            fail(f"--better is higher or lower, got {self.better}", status=WRONG_CALL)

    @property
    def rising(self) -> bool:
        """Whether more is better."""
        return self.better == "higher"

    def effect(self, level: float | None) -> float | None:
        """Return the target in the KPI's unit; a sign says the way, else the better one is."""
        text = self.target.strip()
        if not text:
            return None
        is_share = text.endswith("%")
        try:
            size = float(text.removesuffix("%"))
        except ValueError:
            size = math.nan
        if not math.isfinite(size):
            fail(f'--target is "{text}", needs a number or a percentage', status=WRONG_CALL)
        if is_share:
            if not level:
                fail("--target in % needs --level, other than 0", status=WRONG_CALL)
            size *= abs(level) / 100
        return size if text[0] in "+-" or self.rising else -size


def given(option: str, *numbers: Number | None) -> Number:
    """Return the first number that there is, else blame the call."""
    found = first_of(*numbers)
    if found is None:
        fail(f"needs {option} (or a --history that shows it)", status=WRONG_CALL)
    return found


def first_of(*numbers: Number | None) -> Number | None:
    """Return the first number that there is: as given, as learnt, as usual."""
    return next((number for number in numbers if number is not None), None)


@contextmanager
def refusals() -> Iterator[None]:
    """End with status 1 and the reason where nothing can be planned."""
    try:
        yield
    except AivalueError as refusal:
        fail(f"cannot be planned: {refusal}")
