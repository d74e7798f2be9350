"""Print what a table says about the effect, as JSON or for people."""

import orjson
from rich.table import Table
from rich.text import Text

from aivalue.cli.console import results
from aivalue.cli.estimate.wording import (
    GRADES,
    VERDICTS,
    counted,
    declared,
    in_figures,
    in_odds,
    in_turn,
    passed_over,
    share_of_level,
)
from aivalue.effects.checks.permutation import TREATED_MAX
from aivalue.effects.front_door.document import document_of_panel
from aivalue.effects.front_door.estimate_panel import PanelEstimate
from aivalue.effects.functional import average

COLOURS = {"failed": "red", "passed": "green", "not_applicable": "dim"}


def show(found: PanelEstimate, *, outcome: str, is_relative: bool, as_json: bool) -> None:
    """Print it, as JSON or for people; `outcome` names the KPI."""
    if as_json:
        text = orjson.dumps(document_of_panel(found), option=orjson.OPT_INDENT_2)
        results.file.write(text.decode() + "\n")
        return
    answer = Table.grid(padding=(0, 2))
    for label, words in lines_of(found, outcome=outcome, is_relative=is_relative):
        answer.add_row(f"[bold]{label}[/bold]", Text(words))
    results.print(answer)
    results.print(f"\n[bold]Checks[/bold]: {counted(found.checks)}")
    checks = Table.grid(padding=(0, 2))
    for check in in_turn(found.checks):
        colour = COLOURS[check.status]
        checks.add_row("", f"[{colour}]{check.status}[/{colour}]", check.name, Text(check.in_words))
    results.print(checks)
    results.print("\n[bold]Passed over[/bold]")
    others = Table.grid(padding=(0, 2))
    for why_not, names in passed_over(found).items():
        others.add_row("", Text(names, style="dim"), Text(why_not, style="dim"))
    results.print(others)


def lines_of(found: PanelEstimate, *, outcome: str, is_relative: bool) -> list[tuple[str, str]]:
    """Return what to know, the most important first, each with its label."""
    figure, effect, choice = found.figure, found.effect, found.choice
    share = None if is_relative else share_of_level(found)
    lines = [
        (
            "Effect",
            f"{outcome} {in_figures(figure, is_relative=is_relative)}, "
            f"{100 * figure.confidence:g}% interval; {in_odds(found.p_value)}"
            + ("" if share is None else f"\n{share} of the level without the AI"),
        ),
        ("Verdict", f"{found.verdict}: {VERDICTS[found.verdict]}"),
        ("Grade", f"{found.graded.grade}: {GRADES[found.graded.grade]}"),
        ("Because", found.graded.reasons[0]),
        ("Method", f"{effect.estimator}, version {effect.estimator_version} ({choice.reason})"),
        ("Inference", found.inference),
        ("Compared", f"{effect.n_treated} treated, {effect.n_control} control"),
        ("Would find", f"an effect of {found.detectable:.4g} or more in 80 % of cases"),
    ]
    if found.monitored is not None:
        anytime = found.monitored.anytime
        watched = f"trust {anytime.low:+.6g} to {anytime.high:+.6g} where it is looked at daily"
        lines.append(("If watched", watched))
        tested = found.monitored.ratio_test
        if tested is not None:
            lines.append(
                ("", f"or {tested.low:+.6g} to {tested.high:+.6g} by the ratio test (mSPRT)")
            )
    if found.by_permutation is not None:
        exact = found.by_permutation
        words = f"{exact.point:+.6g} ({exact.low:+.6g} to {exact.high:+.6g})"
        ways = f"from all {exact.n_assignments:,} choices of who went live"
        lines.append(("Permuted", f"{words}, {in_odds(exact.p_value)}, {ways}"))
    elif found.permutation_why_not is not None and effect.n_treated <= TREATED_MAX:
        lines.append(("Permuted", f"not: {found.permutation_why_not}"))
    if found.levels is not None:
        is_open = found.levels.is_open
        other = average(found.levels.stands if is_open else found.levels.wanders)
        beside = in_figures(other, is_relative=False)
        lines.append(
            ("If it stands", f"{beside}, should the level not wander by itself")
            if is_open
            else ("If it drifts", f"{beside}, should the level wander by itself")
        )
        if found.levels.steady_by is not None:
            lines.append(("Declared", declared(found.levels)))
    if found.parts is not None:
        parts = found.parts
        total = f"of a mean time {parts.before:.6g} -> {parts.after:.6g}: {parts.total:+.6g}"
        why = f"rate {parts.rate:+.6g}, mix {parts.mix:+.6g}, volume {parts.volume:+.6g}"
        lines.append(("Total", f"{total} = {why}"))
    lines += [("Not used", words) for words in found.unused]
    return lines
