"""Measure coverage and width of every cell and write the table of docs/validation.md.

python -m tests.validation.study --draws 2000 --seed 1 --out build/validation.md
"""

import argparse
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.validation.cells import CELLS, Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one cell reached."""

    cell: Cell
    draws: int
    coverage: float
    bias: float
    width: float
    width_ratio: float | None

    @property
    def monte_carlo_error(self) -> float:
        return float((self.coverage * (1 - self.coverage) / self.draws) ** 0.5)


def measure(cell: Cell, *, draws: int, seed: int) -> Outcome:
    """Draw from the cell's own stream, so that cells can be added without moving the others."""
    rng = np.random.default_rng([seed, zlib.crc32(cell.name.encode())])
    readings = [cell.draw(rng) for _ in range(draws)]
    widths = np.array([reading.high - reading.low for reading in readings])
    oracle = [reading.oracle_width for reading in readings if reading.oracle_width is not None]
    middle = np.array([(reading.low + reading.high) / 2 - reading.truth for reading in readings])
    covered = [reading.low <= reading.truth <= reading.high for reading in readings]
    return Outcome(
        cell=cell,
        draws=draws,
        coverage=float(np.mean(covered)),
        bias=float(middle.mean()),
        width=float(np.median(widths)),
        width_ratio=float(np.median(widths) / np.median(oracle)) if oracle else None,
    )


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """Write one row per cell, ours beside the peers'."""
    lines = [
        "| situation | method | coverage of ours, % | peers, % | width / oracle | bias |",
        "|---|---|---|---|---|---|",
    ]
    for each in outcomes:
        ratio = "" if each.width_ratio is None else f"{each.width_ratio:.2f}"
        error = 100 * each.monte_carlo_error
        declared = "" if each.cell.declared == "exact" else ", conservative by design"
        lines.append(
            f"| {each.cell.name} | {each.cell.method} | {100 * each.coverage:.1f} "
            f"({error:.1f}){declared} | {each.cell.peers} | {ratio} | {each.bias:+.3f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the study; exit with 1 if a cell covers less than its floor allows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="cells whose name contains this")
    parser.add_argument("--out", type=Path, default=Path("build/validation.md"))
    given = parser.parse_args()
    outcomes = []
    for cell in CELLS:
        if given.only not in cell.name:
            continue
        outcomes.append(measure(cell, draws=given.draws, seed=given.seed))
        sys.stderr.write(as_markdown(outcomes[-1:]).splitlines()[-1] + "\n")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(as_markdown(outcomes))
    failed = [
        each.cell.name
        for each in outcomes
        if each.coverage + 3 * each.monte_carlo_error < each.cell.floor
    ]
    for name in failed:
        sys.stderr.write(f"below its floor: {name}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
