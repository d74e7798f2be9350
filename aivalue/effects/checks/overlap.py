"""Overlap: whether what an initiative is credited with was seen, or is a convention.

Initiatives at work on the same units share what they brought together. To split it one must have
seen what each does without the other; where that was never seen, only their total is evidence.
"""

from collections.abc import Sequence

from aivalue.effects.checks.check import CheckResult
from aivalue.kpis.interval import Interval

NAME = "overlap"


def overlap(
    initiative: str,
    initiatives: Sequence[str],
    inseparable: Sequence[frozenset[str]],
    *,
    together: Interval,
    support_min: int,
) -> CheckResult:
    """Fail where the initiative cannot be told from others it was at work with.

    Parameters
    ----------
    inseparable
        Sets of initiatives whose split the data cannot show.
    together
        What all brought together.
    support_min
        Unit-months that a set must have been at work by itself.
    """
    tied = sorted({name for one in inseparable if initiative in one for name in one})
    total = f"all together brought {together.point:.4g} ({together.low:.4g}, {together.high:.4g})"
    others = ", ".join(name for name in initiatives if name != initiative)
    if not tied:
        return CheckResult(
            name=NAME,
            status="passed",
            p_value=None,
            detail=f"shares units with {others}; each was seen apart; {total}",
            power=f"apart is at least {support_min} unit-months",
        )
    return CheckResult(
        name=NAME,
        status="failed",
        p_value=None,
        detail=f"{', '.join(tied)} were apart on fewer than {support_min} unit-months, so how they "
        f"share is a convention and not evidence; {total}",
    )


def overlap_of_experiment(experiments: Sequence[str], others: Sequence[str]) -> CheckResult:
    """Fail where events were randomized on units that other initiatives are at work on.

    Both arms of such an experiment are on every unit, so no unit is without it.
    """
    return CheckResult(
        name=NAME,
        status="failed",
        p_value=None,
        detail=f"{', '.join(experiments)} (randomized by event) and {', '.join(others)} are at "
        "work on the same units, and what they do jointly is not told apart: do not add them up",
    )
