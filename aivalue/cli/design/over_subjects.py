"""Trials that compare subjects, drawn one by one or by the cluster."""

from pathlib import Path
from typing import Annotated

import typer

from aivalue.cli.console import WRONG_CALL, fail
from aivalue.cli.design.asking import (
    AsJson,
    Asked,
    Better,
    Confidence,
    Deviation,
    History,
    Level,
    Outcome,
    Power,
    Target,
    first_of,
    given,
    refusals,
)
from aivalue.effects.planning.learnt import Learnt

ShareTreated = Annotated[float, typer.Option(help="Share that gets the AI.")]


def subjects(  # noqa: PLR0913 - one parameter per option of the command
    *,
    target: Target = "",
    better: Better = "higher",
    level: Level = None,
    deviation: Deviation = None,
    subjects: Annotated[int | None, typer.Option(help="Both arms together.")] = None,
    per_week: Annotated[float | None, typer.Option(help="Subjects that arrive in a week.")] = None,
    share_treated: ShareTreated = 0.5,
    explained: Annotated[float, typer.Option(help="Share of variance known before.")] = 0.0,
    denominator_mean: Annotated[float | None, typer.Option(help="Of a ratio metric.")] = None,
    denominator_deviation: Annotated[float, typer.Option(help="Of a ratio metric.")] = 0.0,
    correlation: Annotated[float, typer.Option(help="Of a ratio's two parts.")] = 0.0,
    history: History = None,
    outcome: Outcome = "",
    denominator: Annotated[str, typer.Option(help="Its column below a ratio.")] = "",
    confidence: Confidence = 0.95,
    power: Power = 0.8,
    as_json: AsJson = False,
) -> None:
    """Plan two arms of subjects: a mean; without --deviation, a share; or a ratio."""
    # Numpy and the readers of tables, which --help must not cost.
    from aivalue.cli.design.showing import answer
    from aivalue.effects.planning.subjects import Parts, by_share, by_subject

    asked = Asked(target=target, better=better, confidence=confidence, power=power, as_json=as_json)
    with refusals():
        if history is not None:
            seen_level, seen_deviation = _seen(history, outcome, denominator)
            level = seen_level if level is None else level
            deviation = seen_deviation if deviation is None else deviation
        elif denominator_mean is not None:
            deviation = Parts(
                level=given("--level of the ratio", level),
                deviation=given("--deviation of the numerator", deviation),
                denominator_mean=denominator_mean,
                denominator_deviation=denominator_deviation,
                correlation=correlation,
            ).linear_deviation
        if deviation is None:
            share = given("--level of a share, or --deviation", level)
            if explained:
                fail("--explained needs --deviation", status=WRONG_CALL)
            trial = by_share(share, subjects=subjects, share_treated=share_treated)
        else:
            trial = by_subject(
                deviation,
                subjects=subjects,
                level=level,
                share_treated=share_treated,
                share_explained=explained,
            )
        answer(trial, asked, per_week=per_week)


def clusters(  # noqa: PLR0913 - one parameter per option of the command
    *,
    target: Target = "",
    better: Better = "higher",
    level: Level = None,
    deviation: Deviation = None,
    clusters: Annotated[int | None, typer.Option(help="Both arms together.")] = None,
    cluster_size: Annotated[int | None, typer.Option(help="Subjects in one, on average.")] = None,
    size_variation: Annotated[float | None, typer.Option(help="Of sizes, over their mean.")] = None,
    within: Annotated[float | None, typer.Option(help="Correlation inside a cluster.")] = None,
    per_week: Annotated[float | None, typer.Option(help="Clusters that join in a week.")] = None,
    share_treated: ShareTreated = 0.5,
    history: History = None,
    outcome: Outcome = "",
    cluster: Annotated[str, typer.Option(help="Its column with the cluster.")] = "",
    confidence: Confidence = 0.95,
    power: Power = 0.8,
    as_json: AsJson = False,
) -> None:
    """Plan two arms of clusters: teams, stores, customers with many cases."""
    from aivalue.cli.design.history_file import groups_in, numbers_in
    from aivalue.cli.design.showing import answer
    from aivalue.effects.planning.clusters import by_cluster
    from aivalue.effects.planning.history import of_clusters

    asked = Asked(target=target, better=better, confidence=confidence, power=power, as_json=as_json)
    with refusals():
        seen = Learnt()
        if history is not None:
            seen = of_clusters(numbers_in(history, outcome)[0], groups_in(history, cluster))
        trial = by_cluster(
            given("--deviation", deviation, seen.deviation),
            correlation_within=given("--within", within, seen.correlation_within),
            cluster_size=given("--cluster-size", cluster_size, seen.cluster_size),
            clusters=clusters,
            size_variation=first_of(size_variation, seen.size_variation) or 0.0,
            level=first_of(level, seen.level),
            share_treated=share_treated,
        )
        answer(trial, asked, per_week=per_week)


def _seen(history: Path, outcome: str, denominator: str) -> tuple[float, float | None]:
    """Return level and deviation; noughts and ones are a share, whose level says how it varies."""
    from aivalue.cli.design.history_file import numbers_in
    from aivalue.effects.planning.history import of_ratio, of_subjects

    if denominator:
        numerator, below = numbers_in(history, outcome, denominator)
        parts = of_ratio(numerator, below)
        return parts.level, parts.linear_deviation
    (values,) = numbers_in(history, outcome)
    level, deviation = of_subjects(values)
    return level, None if set(values.tolist()) <= {0.0, 1.0} else deviation
