"""Missing data: whether measurement itself changed when the AI came.

A sensor that goes quiet on treated lines looks like an improvement. Days measured per unit are
compared before and after, treated against untreated, so that holidays and closures cancel.

Source: Lee (2009), "Training, Wages, and Sample Selection", REStud 76(3), for why selection by
treatment biases.
"""

from aivalue.effects.checks.check import CheckResult

NAME = "missing_data"
RATIO_MIN = 0.8


def missing_data(
    *, treated_before: float, treated_after: float, control_before: float, control_after: float
) -> CheckResult:
    """Compare shares of days measured; each in [0, 1].

    Fails where treated units lost more than a fifth of their days against the others, or the others
    against them.
    """
    if not min(treated_before, treated_after, control_before, control_after) > 0:
        return CheckResult(
            name=NAME, status="not_applicable", p_value=None, detail="no whole months to compare"
        )
    kept = (treated_after / treated_before) / (control_after / control_before)
    return CheckResult(
        name=NAME,
        status="passed" if RATIO_MIN <= kept <= 1 / RATIO_MIN else "failed",
        p_value=None,
        detail=f"measured on treated units {treated_before:.0%} before and "
        f"{treated_after:.0%} with the AI, on others {control_before:.0%} and {control_after:.0%}",
        power=f"finds a loss of {1 - RATIO_MIN:.0%} of the days, for certain",
    )
