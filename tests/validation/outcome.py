"""What a cell reached, and what of its promise it did not keep."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.validation.cell import WIDTH_MAX, Cell, Reading

COVERAGE_MIN, COVERAGE_MAX = 0.93, 0.97
MISSES_MAX = 0.065  # Type I error, and its like in cells with an effect.
ERRORS_ALLOWED = 3  # Monte Carlo errors beyond a limit; at two, one of 124 would fail by chance.


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one cell reached.

    Attributes
    ----------
    coverage : float
        Share of the estimates that cover the truth; refusals are not estimates.
    flagged, refused : float
        Shares of all draws that a check demoted or that were refused; and refused alone.
    missed : float
        Share of all draws that neither cover nor are flagged.
    bias, bias_error : float
        Of the interval's middle, in the outcome's unit, with its Monte Carlo error.
    width_ratio : float or None
        Median width over the oracle's.
    narrow : float or None
        Share of the estimates at most `WIDTH_MAX` times as wide as the oracle's.
    """

    cell: Cell
    draws: int
    coverage: float
    flagged: float
    refused: float
    missed: float
    bias: float
    bias_error: float
    width: float
    width_ratio: float | None
    narrow: float | None = None

    @property
    def monte_carlo_error(self) -> float:
        """Of the coverage."""
        return float((self.coverage * (1 - self.coverage) / self.draws) ** 0.5)


def outcome_of(cell: Cell, readings: Sequence[Reading]) -> Outcome:
    """Count."""
    low, high, truth = (
        np.array([getattr(reading, name) for reading in readings])
        for name in ("low", "high", "truth")
    )
    flagged = np.array([reading.is_flagged for reading in readings])
    estimated = np.isfinite(low)
    covered = estimated & (low <= truth) & (truth <= high)
    oracle = np.array([reading.oracle_width or np.nan for reading in readings])
    knows = estimated & np.isfinite(oracle)
    middle = ((low + high) / 2 - truth)[estimated]
    n_estimated = max(len(middle), 1)
    width = float(np.median((high - low)[estimated])) if len(middle) else 0.0
    return Outcome(
        cell=cell,
        draws=len(readings),
        coverage=float(covered.sum() / n_estimated),
        flagged=float(flagged.mean()),
        refused=float(1 - estimated.mean()),
        missed=float((~covered & ~flagged).mean()),
        bias=float(middle.mean()) if len(middle) else 0.0,
        bias_error=float(middle.std() / n_estimated**0.5) if len(middle) else 0.0,
        width=width,
        width_ratio=width / float(np.median(oracle[knows])) if knows.any() else None,
        narrow=(float((high - low <= WIDTH_MAX * oracle)[knows].mean()) if knows.any() else None),
    )


def shortfalls(found: Outcome) -> list[str]:
    """Return what the cell promised and did not keep, beyond Monte Carlo error."""
    cell, allowed = found.cell, ERRORS_ALLOWED * found.monte_carlo_error
    short = []
    if cell.promise == "guarded":
        error = (found.missed * (1 - found.missed) / found.draws) ** 0.5
        if found.missed - ERRORS_ALLOWED * error > MISSES_MAX:
            short.append(f"{found.missed:.1%} are neither covered nor flagged")
    elif found.coverage + allowed < COVERAGE_MIN:
        short.append(f"covers {found.coverage:.1%}")
    if cell.promise == "exact" and found.coverage - allowed > COVERAGE_MAX:
        short.append(f"covers {found.coverage:.1%}, more than it should")
    ratio = found.width_ratio
    if ratio is not None and ratio > cell.width_max + 0.02:  # The median's own Monte Carlo error.
        short.append(f"{ratio:.2f} times the width needed")
    if abs(found.bias) - ERRORS_ALLOWED * found.bias_error > cell.bias_max:
        short.append(f"biased by {found.bias:+.3f}")
    if found.flagged > cell.flagged_max:
        short.append(f"{found.flagged:.1%} are flagged")
    return short
