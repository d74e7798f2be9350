"""Print a plan, as JSON or for people."""

from dataclasses import asdict

import orjson

from aivalue.cli.console import results
from aivalue.cli.design.asking import Asked
from aivalue.effects.planning.plan import Needed, Plan, Wish, plan
from aivalue.effects.planning.trial import Trial


def answer(trial: Trial, asked: Asked, *, per_week: float | None = None) -> None:
    """Plan the trial and print what it says."""
    wish = Wish(
        target=asked.effect(trial.level),
        rising=asked.rising,
        confidence=asked.confidence,
        power=asked.power,
    )
    found = plan(trial, wish, per_week=per_week)
    if asked.as_json:
        text = orjson.dumps(asdict(found), option=orjson.OPT_INDENT_2)
        results.file.write(text.decode() + "\n")
        return
    if found.standard_error is not None:
        results.print(_as_planned(found))
        results.print(
            f"  standard error {found.standard_error:.6g}, "
            f"{found.degrees_of_freedom:.6g} degrees of freedom"
        )
    if found.autocorrelation is not None:
        seen = found.autocorrelation
        results.print(
            f"  autocorrelation {seen.point:.2f}, between {seen.low:.2f} and {seen.high:.2f} "
            f"in {seen.probability:.0%} of what the history leaves open"
        )
    if found.target is not None and found.power is not None:
        results.print(
            f"the target of {_sized(found.target, found.level)} is detected in "
            f"[bold]{found.power:.1%}[/bold] of cases"
        )
    if found.target is not None and found.needed:
        surely = f"in {found.wanted_power:.0%} of cases ({found.confidence:.0%} confidence)"
        results.print(f"to detect {_sized(found.target, found.level)} {surely}")
    for each in found.needed:
        results.print(f"  {_taken(each)}")
    results.print(f"{found.kind}, read by {found.estimator}; assumes: {'; '.join(found.assumes)}")


def _as_planned(found: Plan) -> str:
    surely = f"{found.wanted_power:.0%} power, {found.confidence:.0%} confidence"
    if found.detectable is None:
        return f"as planned, no effect is detected ({surely})"
    weeks = "" if found.weeks is None else f" after {found.weeks:.3g} weeks"
    effect = _sized(found.detectable, found.level)
    return f"as planned, an effect of [bold]{effect}[/bold] is detected{weeks} ({surely})"


def _taken(each: Needed) -> str:
    if each.size is None:
        return f"no number of {each.lever} detects it, all else as planned"
    weeks = "" if each.weeks is None else f", {each.weeks:.3g} weeks"
    return f"it takes [bold]{each.size:,} {each.lever}[/bold]{weeks}"


def _sized(effect: float, level: float | None) -> str:
    share = f" ({effect / abs(level):+.2%})" if level else ""
    return f"{effect:+.6g}{share}"
