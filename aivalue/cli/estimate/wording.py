"""What was found, in words for people who sign off money."""

from collections import defaultdict

from aivalue.effects.checks.check import CheckResult
from aivalue.effects.effect import Grade, Verdict
from aivalue.effects.error_models.wandering import Levels
from aivalue.effects.front_door.estimate_panel import PanelEstimate
from aivalue.effects.front_door.own_reading import share_of
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval

VERDICTS: dict[Verdict, str] = {
    "confirmed": "the KPI got better; zero lies outside the interval",
    "negative": "the KPI got worse; zero lies outside the interval",
    "inconclusive": "zero lies inside the interval, so an effect is neither shown nor ruled out",
}
GRADES: dict[Grade, str] = {
    "A": "may be booked at its lower bound",
    "B": "may be booked at its lower bound; with fewer than ten treated units after a review",
    "C": "an estimate; booked by a named approver only",
}
P_SHOWN_MIN = 1e-4
FAILED_FIRST = {"failed": 0, "passed": 1, "not_applicable": 2}


def in_figures(interval: Interval, *, is_relative: bool) -> str:
    """Write a figure with its interval."""
    point, low, high = (
        f"{value:+.1%}" if is_relative else f"{value:+.6g}"
        for value in (interval.point, interval.low, interval.high)
    )
    return f"{point} ({low} to {high})"


def in_odds(p_value: float) -> str:
    """Write a p-value; below one in ten thousand its digits say nothing."""
    return f"p = {p_value:.3g}" if p_value >= P_SHOWN_MIN else f"p < {P_SHOWN_MIN:g}"


def share_of_level(found: PanelEstimate) -> str | None:
    """Write the effect as a share of the level without the AI, where that can be told."""
    try:
        return in_figures(share_of(found.effect, found.own), is_relative=True)
    except NotEstimable:
        return None


def in_turn(checks: tuple[CheckResult, ...]) -> list[CheckResult]:
    """Put what failed first, and what could not be asked last."""
    return sorted(checks, key=lambda check: FAILED_FIRST[check.status])


def counted(checks: tuple[CheckResult, ...]) -> str:
    """Say how many checks came out how."""
    words = {"failed": "failed", "passed": "passed", "not_applicable": "could not be asked"}
    numbers = {status: sum(check.status == status for check in checks) for status in words}
    return ", ".join(f"{numbers[status]} {word}" for status, word in words.items())


def declared(levels: Levels) -> str:
    """Say who answers for a steady level, and what became of it."""
    words = f"{levels.steady_by} answers for it that the level does not wander by itself"
    if levels.is_open:
        return f"{words}; the series speaks strongly against it, so the interval allows for it"
    return f"{words}; the interval rests on it"


def passed_over(found: PanelEstimate) -> dict[str, str]:
    """Return why others were not used, and who they are."""
    names: dict[str, list[str]] = defaultdict(list)
    for each in found.choice.alternatives:
        names[each.why_not].append(each.estimator)
    return {why_not: ", ".join(who) for why_not, who in names.items()}
