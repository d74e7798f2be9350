"""Print what a table says about the effect, as JSON or for people."""

import orjson

from aivalue.cli.console import results
from aivalue.effects.front_door.document import document_of_panel
from aivalue.effects.front_door.estimate_panel import PanelEstimate


def show(found: PanelEstimate, *, is_relative: bool, as_json: bool) -> None:
    """Print it, as JSON or for people."""
    if as_json:
        text = orjson.dumps(document_of_panel(found), option=orjson.OPT_INDENT_2)
        results.file.write(text.decode() + "\n")
    else:
        _print(found, is_relative=is_relative)


def _print(found: PanelEstimate, *, is_relative: bool) -> None:
    figure = found.figure
    point, low, high = (
        f"{value:+.1%}" if is_relative else f"{value:+.6g}"
        for value in (figure.point, figure.low, figure.high)
    )
    results.print(f"[bold]{point}[/bold] ({low}, {high}) at {figure.confidence:.0%} confidence")
    results.print(
        f"{found.verdict}, grade {found.graded.grade}, p = {found.p_value:.3g}; "
        f"{found.effect.n_treated} treated, {found.effect.n_control} control"
    )
    results.print(f"{found.choice.design}: {found.effect.estimator} ({found.choice.reason})")
    results.print(f"an effect of {found.detectable:.4g} would be found in 80 % of cases")
    if found.monitored is not None:
        anytime = found.monitored.anytime
        results.print(f"watched daily, trust ({anytime.low:+.6g}, {anytime.high:+.6g}) instead")
    if found.if_level_wanders is not None:
        beside = found.if_level_wanders
        results.print(
            f"if its level wanders {beside.point:+.6g} ({beside.low:+.6g}, {beside.high:+.6g})"
        )
    if found.parts is not None:
        parts = found.parts
        results.print(
            f"total of a mean time {parts.before:.6g} -> {parts.after:.6g}: {parts.total:+.6g} = "
            f"rate {parts.rate:+.6g}, mix {parts.mix:+.6g}, volume {parts.volume:+.6g}"
        )
    for check in found.checks:
        results.print(f"  {check.status:15} {check.name}: {check.in_words}")
    for each in found.choice.alternatives:
        results.print(f"  [dim]not {each.estimator}: {each.why_not}[/dim]")
