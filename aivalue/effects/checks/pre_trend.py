"""Joint pre-trend: whether treated units drifted away from the others before the AI came.

The quarters from the fourth to the twelfth month before go-live are compared with the time before
them, all at once. The three months next to go-live belong to `regression_to_the_mean`.
"""

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.effect import Scale
from aivalue.effects.leads import QUARTERS, LeadTest

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
        detail=f"p = {test.p_value:.2g} over {test.rank} blocks of {length} before go-live",
        power=f"a change of {size} in one would be found in 80 % of cases",
    )
