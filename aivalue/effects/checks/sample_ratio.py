"""Sample ratio: whether the arms received the numbers they were meant to.

Randomization that leaks (a crash in one arm, a filter after assignment) shows in the counts long
before it shows in the outcome, and no estimator can repair it. With a planned split the total is
tested against it; without one, the split must at least be the same every day.

Source: Fabijan et al. (2019), "Diagnosing Sample Ratio Mismatch in Online Controlled
Experiments", KDD.
"""

from collections.abc import Sequence

import numpy as np

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.panel import Floats
from aivalue.effects.student_t import chi_square_upper, t_quantile

NAME = "sample_ratio"
P_MIN = 0.001  # Low, because it is tested at every refresh.
EXPECTED_MIN = 5.0  # The chi-square approximation needs five expected per cell.


def sample_ratio(
    n_treated: Sequence[float] | Floats,
    n_control: Sequence[float] | Floats,
    *,
    share_treated: float | None = None,
) -> CheckResult:
    """Compare the arms' counts, one pair per day (or one pair in all if the split is planned).

    Parameters
    ----------
    share_treated : in (0, 1) or None
        Planned share of the treatment arm; None tests that days agree with each other.
    """
    treated, control = np.asarray(n_treated, float), np.asarray(n_control, float)
    if share_treated is not None:
        return _against_plan(float(treated.sum()), float(control.sum()), share_treated)
    both = treated + control
    share = float(treated.sum() / both.sum()) if both.sum() > 0 else 0.0
    large = both * min(share, 1 - share) >= EXPECTED_MIN
    if large.sum() <= 1:
        return CheckResult(
            name=NAME,
            status="not_applicable",
            p_value=None,
            detail="no planned split, and fewer than two days with enough events to compare",
        )
    treated, both = treated[large], both[large]
    share = float(treated.sum() / both.sum())
    statistic = float(((treated - share * both) ** 2 / (both * share * (1 - share))).sum())
    p_value = chi_square_upper(statistic, int(large.sum()) - 1)
    return _read(
        p_value,
        f"share of treatment {share:.4f}, the same on {int(large.sum())} days",
        _detectable(float(both.mean()), share),
    )


def _against_plan(n_treated: float, n_control: float, share_treated: float) -> CheckResult:
    n = n_treated + n_control
    if n * min(share_treated, 1 - share_treated) < EXPECTED_MIN:
        return CheckResult(
            name=NAME, status="not_applicable", p_value=None, detail=f"{n:.0f} are too few to test"
        )
    gap = n_treated - share_treated * n
    p_value = chi_square_upper(gap**2 / (n * share_treated * (1 - share_treated)), 1)
    return _read(
        p_value,
        f"share of treatment {n_treated / n:.4f}, planned {share_treated:.4f}",
        _detectable(n, share_treated),
    )


def _detectable(n: float, share: float) -> float:
    quantile = t_quantile(1 - P_MIN / 2, np.inf) + t_quantile(0.80, np.inf)
    return quantile * float(np.sqrt(share * (1 - share) / n))


def _read(p_value: float, detail: str, detectable: float) -> CheckResult:
    return CheckResult(
        name=NAME,
        status="failed" if p_value <= P_MIN else "passed",
        p_value=p_value,
        detail=f"{detail}: p = {p_value:.2g}",
        power=f"a share wrong by {detectable:.2%} would be found in 80 % of cases",
    )
