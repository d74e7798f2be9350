"""Whether a mix of donors was ever like the treated: else its gap of levels is no effect.

Where it was not, it may be asked for, and its checks fail; it does not contradict others.
"""

import numpy as np

from aivalue.effects.checks.convex_hull import convex_hull
from aivalue.effects.checks.weight_concentration import MISS_MAX, miss_before
from aivalue.effects.estimators.synthetic_control import SyntheticControl
from aivalue.effects.panel import Floats


def unlike(found: SyntheticControl, treated: Floats, donors: Floats) -> str | None:
    """Say why the mix speaks against nobody: the treated lie beyond all donors, and it misses them.

    Parameters
    ----------
    treated : shape (n_periods,), donors : shape (n_donors, n_periods)
    """
    n_before = found.n_before
    hull = convex_hull(treated[:n_before], donors[:, :n_before])
    miss = miss_before(found.gap[:n_before], movement(donors, n_before))
    if hull.status == "passed" or miss <= MISS_MAX:
        return None
    return f"no mix of donors is like the treated: {hull.detail}"


def movement(donors: Floats, n_before: int) -> float:
    """Return the standard deviation of how donors move from one period before to the next."""
    return float(np.diff(donors[:, :n_before], axis=1).std(ddof=1))
