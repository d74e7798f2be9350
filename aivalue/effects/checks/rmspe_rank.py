"""Rank of the error ratio: whether the gap opened more, against its fit before, than any donor's.

An effect that is large only because the fit was never good is not one: the ratio of the gap's size
after to its size before is ranked among all units.

Source: Abadie, Diamond & Hainmueller (2010), JASA 105(490) 493-505, figure 8.
"""

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.panel import Floats

NAME = "rmspe_rank"
P_MAX = 0.10


def rmspe_rank(
    gap: Floats, placebo_gaps: Floats, n_before: int, *, is_claimed: bool
) -> CheckResult:
    """Rank the treated unit's ratio of root mean squares; it matters where an effect is claimed.

    Parameters
    ----------
    gap : shape (n_periods,), placebo_gaps : shape (n_donors, n_periods)
        Unit less its synthetic counterpart.
    """
    gaps = np.vstack([gap, placebo_gaps])
    before = np.sqrt((gaps[:, :n_before] ** 2).mean(axis=1))
    after = np.sqrt((gaps[:, n_before:] ** 2).mean(axis=1))
    ratio = np.divide(after, before, out=np.full_like(after, np.inf), where=before > 0)
    p_value = float((ratio >= ratio[0]).mean())
    return CheckResult(
        name=NAME,
        status="failed" if is_claimed and p_value > P_MAX else "passed",
        p_value=p_value,
        detail=f"gap grew {ratio[0]:.1f}-fold, as much or more for "
        f"{int((ratio[1:] >= ratio[0]).sum())} of {len(placebo_gaps)} donors, p = {p_value:.2g}",
        power=f"p can be {1 / len(gaps):.2g} at best",
    )
