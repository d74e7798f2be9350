"""Composition: whether the effect is on the same units that the past is about.

Units that join or leave when the AI comes change an average without anybody working differently.

Source: Kitagawa (1955), JASA 50(272), for mix; Lechner, Rodriguez-Planas & Fernandez Kranz (2016),
"Difference-in-Difference Estimation by FE and OLS when there is Panel Non-Response".
"""

from aivalue.effects.checks.check import CheckResult, not_applicable
from aivalue.effects.panel import Booleans, Floats

NAME = "composition"
SHARE_MAX = 0.10


def composition(before: Floats, after: Floats, is_treated: Booleans) -> CheckResult:
    """Compare which units carry the volume before and after go-live.

    Parameters
    ----------
    before, after : shape (n_units,), >= 0
        Volume on either side of the unit's (for untreated units, the first) go-live.

    Fails where more than a tenth of the treated, or of the untreated, volume is on units seen on
    one side only.
    """
    shares = []
    for chosen in (is_treated, ~is_treated):
        known_before, known_after = float(before[chosen].sum()), float(after[chosen].sum())
        if not (known_before > 0 and known_after > 0):
            if chosen is is_treated:
                return not_applicable(NAME, "no volume on both sides of go-live")
            continue
        entered = float(after[chosen & (before == 0)].sum()) / known_after
        left = float(before[chosen & (after == 0)].sum()) / known_before
        shares.append((entered, left))
    worst = max(max(pair) for pair in shares)
    sides = ["treated", "untreated"][: len(shares)]
    return CheckResult(
        name=NAME,
        status="failed" if worst > SHARE_MAX else "passed",
        p_value=None,
        detail="; ".join(
            f"{entered:.0%} of the {side} volume after is on units not seen before, {left:.0%} of "
            f"that before on units not seen after"
            for side, (entered, left) in zip(sides, shares, strict=True)
        ),
        power=f"fails beyond {SHARE_MAX:.0%}, for certain",
    )
