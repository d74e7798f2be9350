"""`aivalue estimate`: the effect in a user's own table, without any server."""

from pathlib import Path
from typing import Annotated

import typer

Design = Annotated[
    str, typer.Option(help="auto (from the table), randomized, few_treated, staggered, series_only")
]
Control = Annotated[
    list[str] | None, typer.Option(help="Column with a control series; repeatable.")
]
Covariate = Annotated[
    list[str] | None, typer.Option(help="Column known before the AI; repeatable.")
]
Segment = Annotated[str, typer.Option(help="Column with the segment, of one series.")]
Season = Annotated[
    list[float] | None, typer.Option(min=2, help="Length in steps of time, e.g. 7; repeatable.")
]
Share = Annotated[
    float | None, typer.Option(min=0.001, max=0.999, help="Planned share with the AI, e.g. 0.5.")
]
ExpectedSize = Annotated[
    float | None,
    typer.Option(min=1e-300, help="Usual size of effects, fixed beforehand: adds the mSPRT."),
]
Inference = Annotated[
    str, typer.Option(help="calibrated, or permutation: of at most ten treated units.")
]
SteadyBy = Annotated[
    str, typer.Option(help="Who answers for it that the level of one series does not wander.")
]
Plot = Annotated[
    Path | None, typer.Option(help="Draw it, with the counterfactual: FILE.png or FILE.html.")
]
PlannedSubjects = Annotated[
    int | None, typer.Option(min=2, help="In both arms at the end, fixed beforehand.")
]


def estimate(  # noqa: PLR0913 - one parameter per option of the command
    panel: Annotated[Path, typer.Argument(help="CSV or Parquet, one row per unit and time.")],
    *,
    outcome: Annotated[str, typer.Option(help="Column with the KPI.")],
    treated: Annotated[str, typer.Option(help="Column that is 1 where the unit has the AI.")],
    unit: Annotated[str, typer.Option(help="Column that names the unit; none: each row.")] = "",
    time: Annotated[str, typer.Option(help="Column with the time; none: all at once.")] = "",
    design: Design = "auto",
    estimator: Annotated[str, typer.Option(help="Force one; an unknown name lists all.")] = "auto",
    control: Control = None,
    covariate: Covariate = None,
    cluster: Annotated[str, typer.Option(help="Column with what units share.")] = "",
    stratum: Annotated[str, typer.Option(help="Column that units were drawn within.")] = "",
    segment: Segment = "",
    denominator: Annotated[str, typer.Option(help="Column below a ratio metric.")] = "",
    share_treated: Share = None,
    planned_subjects: PlannedSubjects = None,
    expected_size: ExpectedSize = None,
    season: Season = None,
    holiday: Annotated[list[str] | None, typer.Option(help="Day, YYYY-MM-DD; repeatable.")] = None,
    washout: Annotated[int, typer.Option(min=0, help="Periods after a switch.")] = 1,
    approver: Annotated[str, typer.Option(help="Who answers for a forced estimator.")] = "",
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of intervals.")] = 0.95,
    steady_by: SteadyBy = "",
    inference: Inference = "calibrated",
    better: Annotated[str, typer.Option(help="higher or lower: which way is good.")] = "higher",
    relative: Annotated[bool, typer.Option("--relative", help="As a share of the level.")] = False,
    plot: Plot = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Estimate what the AI changed, with interval, checks and grade."""
    from aivalue.cli.estimate.answering import Asked, answer  # Half a second: not for --help.
    from aivalue.cli.panel_file import Columns
    from aivalue.effects.front_door.ran import Options

    names = (*(control or []), *(covariate or []))
    asked = Asked(
        columns=Columns(outcome, treated, unit, time, cluster, stratum, denominator, names),
        segment=segment,
        estimator=design if estimator == "auto" else estimator,
        better=better,
        is_relative=relative,
        approver=approver or None,
        inference=inference,
        plot=plot,
        as_json=as_json,
    )
    options = Options(
        confidence=confidence,
        names=names,
        share_treated=share_treated,
        planned_subjects=planned_subjects,
        expected_size=expected_size,
        steady_by=steady_by or None,
        inference="permutation" if inference == "permutation" else "calibrated",
        washout=washout,
        seasons=tuple(season) if season else None,
        holidays=tuple(holiday or ()),
    )
    answer(panel, asked, options)
