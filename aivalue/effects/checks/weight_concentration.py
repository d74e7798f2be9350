"""Weight concentration and fit: whether the donors can stand for the treated unit at all.

A synthetic unit that misses the treated before, by more than donors move from one period to the
next, lies outside what donors can mix to; one that is a single donor shares that donor's fate.
"""

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.panel import Floats

NAME = "weight_concentration"
LARGEST_MAX = 0.9
MISS_MAX = 2.0  # Root mean square miss before, in standard deviations of donors' movements.


def miss_before(gap_before: Floats, noise: float) -> float:
    """Return the root mean square gap before, in standard deviations of donors' movements."""
    return float(np.sqrt((gap_before**2).mean())) / noise if noise > 0 else 0.0


def weight_concentration(weights: Floats, gap_before: Floats, noise: float) -> CheckResult:
    """Check the largest weight, and the fit before the treatment."""
    effective = float(1 / (weights**2).sum())
    miss = miss_before(gap_before, noise)
    is_bad = weights.max() > LARGEST_MAX or miss > MISS_MAX
    return CheckResult(
        name=NAME,
        status="failed" if is_bad else "passed",
        p_value=None,
        detail=f"{effective:.1f} donors carry the weight, the largest {weights.max():.0%}; misses "
        f"the treated before by {miss:.2f} of the donors' usual movement",
        power=f"fails beyond {LARGEST_MAX:.0%} on one donor, or a miss of {MISS_MAX:g}",
    )
