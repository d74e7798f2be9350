"""Placebo in space: how many untreated units show an effect as large as the treated.

Source: Abadie, Diamond & Hainmueller (2010), JASA 105(490) 493-505, section 3.4.
"""

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.panel import Floats

NAME = "placebo_in_space"
P_MAX = 0.10


def placebo_in_space(effect: float, placebos: Floats, *, is_claimed: bool) -> CheckResult:
    """Rank the effect among the placebos; it matters only where an effect is claimed."""
    larger = int((np.abs(placebos) >= abs(effect)).sum())
    p_value = (1 + larger) / (1 + len(placebos))
    return CheckResult(
        name=NAME,
        status="failed" if is_claimed and p_value > P_MAX else "passed",
        p_value=p_value,
        detail=f"{larger} of {len(placebos)} untreated units show as large an effect, "
        f"p = {p_value:.2g}",
        power=f"p can be {1 / (1 + len(placebos)):.2g} at best, at an effect beyond "
        f"{float(np.abs(placebos).max(initial=0.0)):.4g}",
    )
