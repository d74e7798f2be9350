"""From several initiatives on one KPI to each one's estimate, and what all brought together.

A pure function of what all of them share: whichever initiative is asked about, the total and the
shares are the same, to the bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from aivalue.effects.checks.overlap import overlap
from aivalue.effects.choose import Alternative, Choice
from aivalue.effects.earlier import placebo_of
from aivalue.effects.effect import Design, Effect, Verdict
from aivalue.effects.estimate import estimated
from aivalue.effects.functional import total
from aivalue.effects.overlap.gather import Together, gather_together
from aivalue.effects.overlap.joint_model import JointModel, fit_joint
from aivalue.effects.overlap.member import CommonPlan, Member, common_plan, programmes_of
from aivalue.effects.overlap.shares import SUPPORT_MIN, credits_of, inseparable_sets
from aivalue.effects.panel import Floats
from aivalue.effects.readings.phased import read_phased
from aivalue.effects.readings.reading import Reading
from aivalue.effects.result import Estimate
from aivalue.effects.vector import Vector, effect_of
from aivalue.errors import NotEstimable
from aivalue.kpis.plan import MeasuredKpi
from aivalue.kpis.series import Series

ESTIMATOR, VERSION = "joint_model", "1"
FEW_TREATED_MAX = 9
_ALL = ""  # No initiative has an empty name.
_NOT_ALONE = "would count as its own what initiatives do jointly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """What initiatives that share units brought.

    Attributes
    ----------
    estimates : per initiative
        Its share; all refused where the total cannot be estimated.
    together : Effect or None
        Of all of them against none, None where refused.
    programmes : those that share as one, None where nobody names one
    inseparable : sets of initiatives whose split is a convention
    """

    initiatives: tuple[str, ...]
    estimates: Mapping[str, Estimate]
    together: Effect | None
    programmes: Mapping[str, tuple[str, ...]] | None
    inseparable: tuple[frozenset[str], ...]


def estimate_together(
    *,
    kpi: MeasuredKpi,
    members: Sequence[Member],
    series: Series,
    reconstructed: frozenset[str] = frozenset(),
) -> Joint:
    """Estimate what initiatives on one KPI brought together, and share it out.

    Parameters
    ----------
    reconstructed
        Initiatives whose baseline was frozen after go-live.
    """
    members = sorted(members, key=lambda member: member.initiative)
    names = tuple(member.initiative for member in members)
    choice = _choice(names)
    try:
        return _estimated(kpi, members, series, choice, reconstructed)
    except NotEstimable as refusal:
        refused = Estimate(
            verdict=cast("Verdict", refusal.verdict), refusal=str(refusal), choice=choice
        )
        return Joint(
            initiatives=names,
            estimates=dict.fromkeys(names, refused),
            together=None,
            programmes=programmes_of(members),
            inseparable=(),
        )


def _estimated(
    kpi: MeasuredKpi,
    members: Sequence[Member],
    series: Series,
    choice: Choice,
    reconstructed: frozenset[str],
) -> Joint:
    plan = common_plan(members)
    gathered = gather_together(kpi, members, series, plan)
    # All taken as one: its checks are about the levels that every share rests on. The joint model
    # takes units to vary alike.
    as_one = read_phased(gathered.material, plan, allows_for_scatter=False)
    doubts = (
        *as_one.doubts(),
        placebo_of(gathered.material, lambda placebo: read_phased(placebo, plan).effect),
    )
    model = fit_joint(gathered.cells(), scale=plan.scale)
    programmes, inseparable = programmes_of(members), inseparable_sets(model)
    effects = _effects(model, gathered, plan, credits_of(model, programmes=programmes))
    together = effects.pop(_ALL)

    def estimate_of(member: Member) -> Estimate:
        name = member.initiative
        if name not in effects:
            reason = f"{name} has not been at work where the initiatives can be compared"
            return Estimate(verdict="too_early", refusal=reason, choice=choice)
        doubt = overlap(
            name,
            gathered.initiatives,
            inseparable,
            together=total(together),
            support_min=SUPPORT_MIN,
        )
        return estimated(
            Reading(
                effect=effects[name],
                doubts=lambda: (*doubts, doubt),
                parameters=(*as_one.parameters, ("shared_by", "owen" if programmes else "shapley")),
            ),
            choice=choice,
            measured=gathered.material.measured,
            better_when=kpi.better_when,
            reconstructed=member.baseline is None or name in reconstructed,
        )

    return Joint(
        initiatives=gathered.initiatives,
        estimates={member.initiative: estimate_of(member) for member in members},
        together=together,
        programmes=programmes,
        inseparable=inseparable,
    )


def _effects(
    model: JointModel, gathered: Together, plan: CommonPlan, credit: Mapping[str, Floats]
) -> dict[str, Effect]:
    """Return the effect of all together, by the empty name, and of each that was at work."""
    periods = np.unique(model.period_of)
    with_ai = gathered.material.cells(gathered.material.with_ai).x
    without = gathered.material.cells(gathered.material.without_ai).x
    n_treated = int((with_ai.sum(axis=1) > 0).sum())
    n_control = int((without[:, periods].sum(axis=1) > 0).sum())
    design: Design = "few_treated" if n_treated <= FEW_TREATED_MAX else "staggered"
    of_period = (model.period_of == periods[:, None]).astype(np.float64)
    figures = {_ALL: (of_period * model.volume, np.ones(len(model.volume)), n_treated)}
    for name, weights in credit.items():
        takes_part = np.array([name in one for one in model.sets])[model.set_of]
        figures[name] = weights, takes_part.astype(np.float64), gathered.n_units(name)
    found = {}
    for name, (weights, part, n_units) in figures.items():
        volume = of_period @ (part * model.volume)
        shown = np.flatnonzero(volume > 0)
        if len(shown) == 0:
            continue
        per_volume = weights[shown] / volume[shown, None]
        vector = Vector(
            periods=[gathered.material.periods[periods[index]] for index in shown],
            point=per_volume @ model.effect,
            covariance=per_volume @ model.covariance @ per_volume.T,
            volume=volume[shown],
            observed=(of_period @ (part * model.volume * model.observed))[shown] / volume[shown],
            degrees_of_freedom=model.degrees_of_freedom,
        )
        found[name] = effect_of(
            vector,
            confidence=plan.confidence,
            n_treated=n_units,
            n_control=n_control,
            design=design,
            scale=plan.scale,
            estimator=(ESTIMATOR, VERSION),
        )
    return found


def _choice(names: Sequence[str]) -> Choice:
    others = ("synthetic_difference_in_differences", "difference_in_differences", "before_after")
    return Choice(
        design="staggered",
        estimator=ESTIMATOR,
        reason=f"{', '.join(names)} are at work on the same units",
        alternatives=tuple(Alternative(estimator=name, why_not=_NOT_ALONE) for name in others),
    )
