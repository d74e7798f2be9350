"""Convex hull: whether a mix of donors can reach the treated unit at all.

Weights that are not negative and sum to one only interpolate. A treated unit above or below every
donor in a good part of the past is extrapolated to, and its gap after go-live is no effect.

Source: Abadie (2021), "Using Synthetic Controls", Journal of Economic Literature 59(2), section 5.
"""

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.panel import Floats

NAME = "convex_hull"
SHARE_OUTSIDE_MAX = 0.20


def convex_hull(treated: Floats, donors: Floats) -> CheckResult:
    """Count the periods before go-live in which the treated lies beyond all donors.

    Parameters
    ----------
    treated : shape (n_before,), donors : shape (n_donors, n_before)
        In what the estimator compares: levels, or movements around each unit's own mean.
    """
    outside = (treated > donors.max(axis=0)) | (treated < donors.min(axis=0))
    share = float(np.asarray(outside).mean())
    return CheckResult(
        name=NAME,
        status="failed" if share > SHARE_OUTSIDE_MAX else "passed",
        p_value=None,
        detail=f"beyond all {len(donors)} donors in {int(outside.sum())} of {len(treated)} periods "
        f"before go-live",
        power=f"fails beyond {SHARE_OUTSIDE_MAX:.0%} of the periods",
    )
