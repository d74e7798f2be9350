"""Joint pre-trend: whether treated units drifted away from the others before the AI came.

The quarters from the fourth to the twelfth month before go-live are compared with the time before
them, all at once. The three months next to go-live belong to `regression_to_the_mean`.

The test takes treated units to vary as the others do. Where the same past says they do not, it says
so, and what it would have found by their own scatter.
"""

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.unequal_scatter import is_unequal
from aivalue.effects.effect import Scale
from aivalue.effects.parallel_trends.leads import QUARTERS, LeadTest
from aivalue.effects.student_t import f_upper

NAME = "pre_trend"
P_MIN = 0.05


def pre_trend(
    test: LeadTest, *, scale: Scale, blocks: tuple[tuple[int, int], ...] = QUARTERS
) -> CheckResult:
    """Read the test of the blocks, which are ranges of periods before go-live."""
    if test.rank == 0:
        return CheckResult(
            name=NAME, status="not_applicable", p_value=None, detail="too short a history before"
        )
    size = f"{test.detectable:.1%}" if scale == "proportional" else f"{test.detectable:.4g}"
    length = blocks[0][1] - blocks[0][0] + 1
    return CheckResult(
        name=NAME,
        status="failed" if test.p_value < P_MIN else "passed",
        p_value=test.p_value,
        detail=f"p = {test.p_value:.2g} over {test.rank} blocks of {length} before go-live"
        + _by_own_scatter(test),
        power=f"a change of {size} in one would be found in 80 % of cases",
    )


def _by_own_scatter(test: LeadTest) -> str:
    """Say what the test would be, read with the scatter that treated units show."""
    scatter = None if test.dependence is None else test.dependence.scatter()
    if scatter is None or not is_unequal(scatter):
        return ""
    statistic = float(test.change @ np.linalg.pinv(test.covariance) @ test.change) / test.rank
    own = f_upper(statistic / scatter.ratio**2, test.rank, test.free)
    return (
        f"; treated units vary {scatter.ratio:.2g} times as much as the others, which it takes "
        f"for one: by their own scatter p = {own:.2g}"
    )
