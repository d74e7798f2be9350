"""Run the chosen estimator on the material beside every other that the facts permit.

Where they differ by more than their errors explain, the check fails, and the least favourable is
used. Each kind is imported when it is run: an estimate needs one or two, and starts sooner.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from aivalue.effects.checks.agreement import agreement, least_favourable
from aivalue.effects.checks.check import CheckResult
from aivalue.effects.checks.override import override
from aivalue.effects.choose import Choice
from aivalue.effects.material import Material
from aivalue.effects.readings.reading import Reading
from aivalue.errors import NotEstimable
from aivalue.kpis.plan import BetterWhen, Plan

Read = Callable[[Material, Plan], Reading]


def read(material: Material, *, design: Plan, choice: Choice, better_when: BetterWhen) -> Reading:
    """Return the reading to use, with the checks of all that was read.

    Raises
    ------
    NotEstimable
        An arm has fewer events than the design asks for, or the estimator refuses.
    """
    chosen = _read(choice.estimator, material, design)
    rivals = _rivals(material, design, choice)
    used = least_favourable(
        chosen.effect,
        [rival.effect for rival in rivals],
        sign=1 if better_when == "higher" else -1,
    )
    reading = next(each for each in (chosen, *rivals) if each.effect is used)
    checks = list(reading.doubts())
    if used.estimator in _ON_PANELS:
        checks.append(_placebo(used.estimator, material, design))
    if rivals:
        checks.append(agreement(chosen.effect, [rival.effect for rival in rivals]))
    forced = override(choice)
    if forced is not None:
        checks.append(forced)
    return replace(reading, doubts=lambda: tuple(checks))


def _placebo(name: str, material: Material, design: Plan) -> CheckResult:
    from aivalue.effects.earlier import placebo_of

    return placebo_of(material, lambda placebo: _read(name, placebo, design).effect)


def _rivals(material: Material, design: Plan, choice: Choice) -> list[Reading]:
    """Run the other permitted estimators; one that refuses has nothing to say."""
    found = []
    for name in choice.eligible:
        try:
            found.append(_read(name, material, design))
        except NotEstimable:
            continue
    return found


def _read(name: str, material: Material, design: Plan) -> Reading:
    return _KIND[name]()[name](material, design)


def _randomized() -> dict[str, Read]:
    from aivalue.effects.readings.randomized import read_by_event, read_by_unit

    return {
        "difference_in_means": read_by_event,
        "difference_in_means_by_unit": read_by_unit,
    }


def _panels() -> dict[str, Read]:
    from aivalue.effects.readings.panels import read_cohorts, read_mix, read_one_mix
    from aivalue.effects.readings.phased import read_phased

    return {
        "synthetic_difference_in_differences": read_mix,
        "synthetic_control": read_one_mix,
        "conformal_synthetic_control": partial(read_mix, is_over_time=True),
        "difference_in_differences": read_phased,
        "callaway_santanna": read_cohorts,
    }


def _series() -> dict[str, Read]:
    from aivalue.effects.readings.series import read_series

    return {
        "before_after": read_series,
        "local_level": partial(read_series, errors="local_level"),
    }


_ON_PANELS = (
    "synthetic_difference_in_differences",
    "synthetic_control",
    "conformal_synthetic_control",
    "difference_in_differences",
    "callaway_santanna",
)
_KIND: dict[str, Callable[[], dict[str, Read]]] = {
    **dict.fromkeys(("difference_in_means", "difference_in_means_by_unit"), _randomized),
    **dict.fromkeys(_ON_PANELS, _panels),
    **dict.fromkeys(("before_after", "local_level"), _series),
}
