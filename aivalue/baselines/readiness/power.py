"""What effect the history would let us see: minimum detectable effect, units and weeks needed.

Units that get the AI are compared with units that do not, after against before, by week. What is
seen is simulated on the history itself (`simulation`). Beside it stands the formula, with the
noise that is left once units' own levels and shared weeks are taken out, and its autocorrelation:

    standard error = s sqrt((1 / weeks after + 1 / weeks before) (1 / treated + 1 / control))
    minimum detectable effect = (z(1 - alpha / 2) + z(power)) standard error / level

On a proportional scale that sum m stands for the factor exp(m): a fall of 1 - exp(-m), a rise of
exp(m) - 1.

Where all units get the AI there is no control: the noise of the joint series takes the place of
s and the second bracket is 1. Where events are randomized, arms are compared side by side and the
variance of a single measurement decides; there the formula is exact.

Source: Bloom (1995), "Minimum detectable effects", Evaluation Review 19(5); Frison & Pocock
(1992), Statistics in Medicine 11(13), for the before/after factor.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from aivalue.baselines.readiness.item import Item
from aivalue.baselines.readiness.simulation import PretendedTrial, simulated_effects
from aivalue.baselines.readiness.weekly import Weeks, long_run_deviation, residuals
from aivalue.errors import NotFreezable
from aivalue.kpis.plan import BetterWhen

WEEKS_MAX = 520


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the AI is to be tried.

    Attributes
    ----------
    n_treated :
        Units that get the AI during the trial.
    n_weeks :
        Length of the trial.
    target :
        Effect promised, as a share of the level; None where none is.
    better_when, scale :
        Whether the effect is a fall or a rise, a difference or a factor.
    confidence, power :
        Two-sided confidence of the interval; chance to see an effect that is there.
    """

    n_treated: int
    n_weeks: int
    target: float | None
    better_when: BetterWhen
    scale: Literal["additive", "proportional"] = "additive"
    confidence: float = 0.95
    power: float = 0.8

    @property
    def errors_needed(self) -> float:
        """How many standard errors an effect must have to be seen."""
        normal = NormalDist()
        return normal.inv_cdf((1 + self.confidence) / 2) + normal.inv_cdf(self.power)

    def errors_of(self, effect: float) -> float:
        """Return the standard error at which an effect is just seen; `detectable`'s inverse."""
        if self.scale == "additive":
            return effect / self.errors_needed
        least = -math.log1p(-effect) if self.better_when == "lower" else math.log1p(effect)
        return least / self.errors_needed

    def detectable(self, error: float) -> float:
        """Smallest effect seen, given the standard error as a share of the level."""
        least = error * self.errors_needed
        if self.scale == "additive":
            return least
        return -math.expm1(-least) if self.better_when == "lower" else math.expm1(least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """What the plan can see.

    Attributes
    ----------
    detectable :
        Smallest effect seen with the plan's power, as a share of the level.
    method :
        "simulation" on the history, or "formula" where that is exact or nothing else can be done.
    formula :
        What the formula gives.
    units_needed, weeks_needed :
        Treated units (for the planned weeks) and weeks (for the planned units) that would see the
        target; None without a target, or where no number suffices.
    """

    detectable: float
    method: Literal["simulation", "formula"]
    formula: float
    n_treated: int
    n_units: int
    n_weeks: int
    target: float | None
    units_needed: int | None
    weeks_needed: int | None


def power_of(weeks: Weeks, plan: Plan) -> Power:
    """Compute for a rollout by unit.

    Raises
    ------
    NotFreezable
        Fewer than eight weeks or no level to compare with.
    """
    if weeks.n_weeks < 8:  # noqa: PLR2004 - fewer say nothing about noise from week to week
        raise NotFreezable(f"power needs 8 weeks of history, got {weeks.n_weeks}")
    level = weeks.mean_level()
    if not level:
        raise NotFreezable("power needs a level to compare with, the history's is 0")
    n_units = len(weeks.units)
    apart = long_run_deviation(residuals(weeks.level())) / abs(level)
    joint = long_run_deviation(residuals(weeks.overall()[np.newaxis, :])) / abs(level)

    def time(n_weeks: int) -> float:
        return 1 / n_weeks + 1 / weeks.n_weeks

    def error_of(n_treated: int) -> float:
        if n_treated == n_units:
            return joint * math.sqrt(time(plan.n_weeks))
        units = 1 / n_treated + 1 / (n_units - n_treated)
        return apart * math.sqrt(time(plan.n_weeks) * units)

    n_treated = min(plan.n_treated, n_units)
    error = error_of(n_treated)
    formula = plan.detectable(error)
    by_units = _simulated(weeks, plan)
    seen = by_units[n_treated - 1]
    if seen is None:
        seen = formula
        by_units = [plan.detectable(error_of(n)) for n in range(1, n_units + 1)]
    else:
        # Simulating every length would say the same: the error falls with the root of the weeks.
        error = plan.errors_of(seen)
    lengths = range(1, WEEKS_MAX + 1)
    return Power(
        detectable=seen,
        method="formula" if seen is formula else "simulation",
        formula=formula,
        n_treated=n_treated,
        n_units=n_units,
        n_weeks=plan.n_weeks,
        target=plan.target,
        units_needed=_first(plan.target, list(enumerate(by_units[:-1], start=1))),
        weeks_needed=_first(
            plan.target,
            [
                (n, plan.detectable(error * math.sqrt(time(n) / time(plan.n_weeks))))
                for n in lengths
            ],
        ),
    )


def _simulated(weeks: Weeks, plan: Plan) -> list[float | None]:
    """Return the smallest effect seen with 1, 2, ... units; None where draws have no level."""
    trial = PretendedTrial(
        n_weeks=plan.n_weeks,
        scale=plan.scale,
        better_when=plan.better_when,
        confidence=plan.confidence,
        power=plan.power,
    )
    effects = simulated_effects(weeks, trial)
    # A fall by everything is no finite number of errors: units that often show nothing at all.
    most = 1.0 if plan.scale == "proportional" and plan.better_when == "lower" else math.inf
    return [float(each) if 0 < each < most else None for each in effects]


def power_of_events(*, mean: float, deviation: float, events_per_week: float, plan: Plan) -> Power:
    """Compute for events randomized half and half between the AI and the way it was."""
    if not mean:
        raise NotFreezable("power needs a level to compare with, the history's is 0")

    def detectable(n_weeks: int) -> float:
        per_arm = events_per_week * n_weeks / 2
        return plan.detectable(deviation * math.sqrt(2 / per_arm) / abs(mean))

    return Power(
        detectable=detectable(plan.n_weeks),
        method="formula",
        formula=detectable(plan.n_weeks),
        n_treated=1,
        n_units=1,
        n_weeks=plan.n_weeks,
        target=plan.target,
        units_needed=None,
        weeks_needed=_first(plan.target, [(n, detectable(n)) for n in range(1, WEEKS_MAX + 1)]),
    )


def power_item(power: Power, plan: Plan) -> Item:
    """Say whether the plan can see what was promised, and what it would take."""
    seen = (
        f"{power.n_treated} of {power.n_units} units for {power.n_weeks} weeks detect an effect "
        f"of {power.detectable:.1%} or more ({plan.power:.0%} power, "
        f"{plan.confidence:.0%} confidence{_how(power)})"
    )
    if power.target is None:
        return Item(
            name="power",
            status="warn",
            number=power.detectable,
            needed="a target to compare with",
            detail=f"{seen}; no target is defined for this KPI",
        )
    enough = power.detectable <= power.target
    ways = [
        f"{number} {what}"
        for number, what in (
            (power.units_needed, f"units for {power.n_weeks} weeks"),
            (power.weeks_needed, f"weeks with {power.n_treated} unit(s)"),
        )
        if number is not None
    ]
    takes = " or ".join(ways) or f"more than {WEEKS_MAX} weeks or more units than there are"
    return Item(
        name="power",
        status="pass" if enough else "warn",
        number=power.detectable,
        needed=f"at most the target of {power.target:.1%}",
        detail=seen if enough else f"{seen}; the target of {power.target:.1%} takes {takes}",
    )


def _how(power: Power) -> str:
    if power.method == "formula":
        return ""
    return f"; simulated on the history, by formula {power.formula:.1%}"


def _first(target: float | None, effects: Iterable[tuple[int, float | None]]) -> int | None:
    if target is None:
        return None
    seen = (number for number, effect in effects if effect is not None and effect <= target)
    return next(seen, None)
