"""Trials over time: turns within units, units beside units, one series before and after."""

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
    Memory,
    Outcome,
    Power,
    Target,
    Time,
    Unit,
    first_of,
    given,
    refusals,
)
from aivalue.effects.planning.learnt import Learnt

Periods = Annotated[int | None, typer.Option(help="Periods with the AI.")]
Before = Annotated[int | None, typer.Option(help="Periods before go-live.")]


def switchback(  # noqa: PLR0913 - one parameter per option of the command
    *,
    target: Target = "",
    better: Better = "higher",
    level: Level = None,
    deviation: Deviation = None,
    autocorrelation: Memory = None,
    stretch: Annotated[int, typer.Option(help="Periods until arms may change.")],
    washout: Annotated[int, typer.Option(min=0, help="Periods after a switch.")] = 1,
    units: Annotated[int | None, typer.Option(help="That take turns.")] = None,
    periods: Annotated[int | None, typer.Option(help="Of turns, all in all.")] = None,
    history: History = None,
    outcome: Outcome = "",
    unit: Unit = "",
    time: Time = "",
    confidence: Confidence = 0.95,
    power: Power = 0.8,
    as_json: AsJson = False,
) -> None:
    """Plan units that work with the AI and without it by turns."""
    # Numpy and the readers of tables, which --help must not cost.
    from aivalue.cli.design.showing import answer
    from aivalue.effects.planning.switchback import by_turns

    asked = Asked(target=target, better=better, confidence=confidence, power=power, as_json=as_json)
    with refusals():
        seen = _of_units(history, outcome, unit, time, of_units_only=True)
        trial = by_turns(
            given("--deviation", deviation, seen.deviation),
            stretch=stretch,
            units=given("--units", units, seen.n_units),
            periods=periods,
            washout=washout,
            autocorrelation=first_of(autocorrelation, seen.autocorrelation) or 0.0,
            level=first_of(level, seen.level),
        )
        answer(trial, asked)


def rollout(  # noqa: PLR0913 - one parameter per option of the command
    *,
    target: Target = "",
    better: Better = "higher",
    level: Level = None,
    deviation: Deviation = None,
    autocorrelation: Memory = None,
    units: Annotated[int | None, typer.Option(help="With and without the AI.")] = None,
    treated_units: Annotated[int, typer.Option(help="That get the AI.")],
    before: Before = None,
    periods: Periods = None,
    history: History = None,
    outcome: Outcome = "",
    unit: Unit = "",
    time: Time = "",
    confidence: Confidence = 0.95,
    power: Power = 0.8,
    as_json: AsJson = False,
) -> None:
    """Plan units that get the AI beside units that do not, after against before."""
    from aivalue.cli.design.showing import answer
    from aivalue.effects.planning.rollout import by_unit

    asked = Asked(target=target, better=better, confidence=confidence, power=power, as_json=as_json)
    with refusals():
        seen = _of_units(history, outcome, unit, time, of_units_only=False)
        trial = by_unit(
            given("--deviation", deviation, seen.deviation),
            units=given("--units", units, seen.n_units),
            treated_units=treated_units,
            before=given("--before", before, seen.n_periods),
            periods=periods,
            autocorrelation=first_of(autocorrelation, seen.autocorrelation) or 0.0,
            level=first_of(level, seen.level),
            confidence=confidence,
        )
        answer(trial, asked)


def series(  # noqa: PLR0913 - one parameter per option of the command
    *,
    target: Target = "",
    better: Better = "higher",
    level: Level = None,
    deviation: Deviation = None,
    autocorrelation: Memory = None,
    before: Before = None,
    periods: Periods = None,
    season: Annotated[list[float] | None, typer.Option(help="Length in periods.")] = None,
    trend: Annotated[bool, typer.Option("--trend", help="The series has one.")] = False,
    steady: Annotated[bool, typer.Option("--steady", help="Somebody will answer for it.")] = False,
    history: History = None,
    outcome: Outcome = "",
    control: Annotated[list[str] | None, typer.Option(help="Its control series.")] = None,
    time: Time = "",
    confidence: Confidence = 0.95,
    power: Power = 0.8,
    as_json: AsJson = False,
) -> None:
    """Plan one series before and after, with control series beside it or nothing."""
    from aivalue.cli.design.history_file import series_in
    from aivalue.cli.design.showing import answer
    from aivalue.effects.planning.history import of_series
    from aivalue.effects.planning.memories import Memory, left_open
    from aivalue.effects.planning.series import by_series

    asked = Asked(target=target, better=better, confidence=confidence, power=power, as_json=as_json)
    if control and history is None:
        fail("--control is a column of the --history: give both", status=WRONG_CALL)
    if control and trend:
        fail("--control and --trend: the estimate takes trends from controls", status=WRONG_CALL)
    seasons = tuple(season or ())
    with refusals():
        seen, beside = Learnt(), None
        memories: tuple[Memory, ...] = ()
        if history is not None:
            past, beside = series_in(history, outcome=outcome, time=time, controls=control or [])
            seen = of_series(past, seasons, has_trend=trend, controls=beside)
            if deviation is None and autocorrelation is None:
                memories = left_open(
                    past, seasons, has_trend=trend, controls=beside, is_steady=steady
                )
        trial = by_series(
            given("--deviation", deviation, seen.deviation),
            before=given("--before", before, seen.n_periods),
            periods=periods,
            autocorrelation=first_of(autocorrelation, seen.autocorrelation) or 0.0,
            seasons=seasons,
            has_trend=trend,
            level=first_of(level, seen.level),
            memories=memories,
            controls=beside,
            is_steady=steady,
            confidence=confidence,
        )
        answer(trial, asked)


def _of_units(
    history: Path | None, outcome: str, unit: str, time: str, *, of_units_only: bool
) -> Learnt:
    """Learn from units by periods, where there is a history of them."""
    from aivalue.cli.design.history_file import panel_in
    from aivalue.effects.planning.history import of_panel

    if history is None:
        return Learnt()
    panel = panel_in(history, outcome=outcome, unit=unit, time=time)
    return of_panel(panel, of_units_only=of_units_only)
