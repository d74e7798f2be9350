"""Initiatives that share units, as a run estimates and shows them; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import cast

from aivalue.effects.checks.overlap import overlap_of_experiment
from aivalue.effects.document import document_of
from aivalue.effects.functional import average, total
from aivalue.effects.overlap import Joint, Measured, Member, estimate_together
from aivalue.effects.result import Estimate
from aivalue.effects.several import with_check
from aivalue.kpis.canonical import Json, sha256_of
from aivalue.kpis.definition import Kpi
from aivalue.kpis.interval import Interval
from aivalue.kpis.series import Series
from services.attribution.figures import interval_document
from services.attribution.inputs import Baseline, Inputs
from services.attribution.members import members_on, neighbouring, starts_of, up_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Who is around an initiative on one KPI.

    Attributes
    ----------
    series, baseline :
        What it may be read by: units on which others are at work end where these begin.
    together : length 0, or 2 and more
        Itself and those it must be estimated together with.
    experiments :
        Randomized by event on the same units, which no joint model can tell apart.
    """

    series: Series
    baseline: Series | None
    together: tuple[Member, ...]
    experiments: tuple[str, ...]
    others: tuple[str, ...]


def around(inputs: Inputs, kpi: str) -> Around:
    """Find who is around the initiative of a run."""
    own, series = inputs.definitions.initiative.key, inputs.series[kpi]
    frozen = inputs.baselines[kpi]
    baseline = None if frozen is None else frozen.series
    if not any(kpi in each.kpis for each in inputs.neighbours):
        return Around(series=series, baseline=baseline, together=(), experiments=(), others=())
    members, measured = members_on(inputs, kpi), Measured.of(series)
    group, beside = neighbouring(own, members, measured)
    experiments = {name for name in group if members[name].plan.randomized_by == "event"}
    together = [] if own in experiments else sorted(group - experiments)
    starts = starts_of((members[name] for name in sorted(beside)), measured)
    return Around(
        series=up_to(series, starts),
        baseline=None if baseline is None else up_to(baseline, starts),
        together=(
            tuple(_cut(members[name], starts) for name in together) if len(together) > 1 else ()
        ),
        experiments=tuple(sorted(experiments)) if len(group) > 1 else (),
        others=tuple(sorted(group - experiments)),
    )


def _cut(member: Member, starts: Mapping[str, date]) -> Member:
    if member.baseline is None:
        return member
    return replace(member, baseline=up_to(member.baseline, starts))


def joint_of(inputs: Inputs, kpi: Kpi, found: Around) -> Joint | None:
    """Estimate the initiatives that share units; None where it shares none."""
    if not found.together:
        return None
    baselines = _baselines(inputs, kpi.key)
    problems = {
        member.initiative: baseline.problem
        for member in found.together
        for baseline in (baselines[member.initiative],)
        if baseline is not None and baseline.problem is not None
    }
    names = tuple(member.initiative for member in found.together)
    if problems:
        said = "; ".join(f"{name}: {problem}" for name, problem in sorted(problems.items()))
        refused = Estimate(verdict="unverifiable", refusal=said)
        return Joint(
            initiatives=names,
            estimates=dict.fromkeys(names, refused),
            together=None,
            programmes=None,
            inseparable=(),
        )
    return estimate_together(
        kpi=kpi,
        members=found.together,
        series=found.series,
        reconstructed=frozenset(
            name for name in names if (each := baselines[name]) is not None and each.reconstructed
        ),
    )


def with_experiments(estimate: Estimate, found: Around) -> Estimate:
    """Say where an experiment by event is at work on the same units."""
    if not found.experiments:
        return estimate
    return with_check(estimate, overlap_of_experiment(found.experiments, found.others))


def joint_document(joint: Joint | None) -> dict[str, Json] | None:
    """Write what initiatives brought together, the same in the run of each of them."""
    if joint is None:
        return None
    together = joint.together
    shares: list[Json] = [
        {
            "initiative": name,
            "total": _interval(estimate.total),
            "grade": estimate.grade,
            "refusal": estimate.refusal,
        }
        for name, estimate in sorted(joint.estimates.items())
    ]
    document: dict[str, Json] = {
        "initiatives": list(joint.initiatives),
        "programmes": (
            None
            if joint.programmes is None
            else {name: list(members) for name, members in joint.programmes.items()}
        ),
        "total": None if together is None else interval_document(total(together)),
        "average": None if together is None else interval_document(average(together)),
        "shares": shares,
        "inseparable": [list[Json](sorted(one)) for one in joint.inseparable],
    }
    vectors: list[Json] = [
        None if estimate.effect is None else cast("Json", document_of(estimate.effect))
        for _, estimate in sorted(joint.estimates.items())
    ]
    return {**document, "sha256": sha256_of({**document, "effects": vectors})}


def _baselines(inputs: Inputs, kpi: str) -> Mapping[str, Baseline | None]:
    return {
        inputs.definitions.initiative.key: inputs.baselines[kpi],
        **{each.initiative: each.baselines.get(kpi) for each in inputs.neighbours},
    }


def _interval(interval: Interval | None) -> dict[str, Json] | None:
    return None if interval is None else interval_document(interval)
