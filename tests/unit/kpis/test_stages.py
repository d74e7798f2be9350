"""Initiatives pass one gate at a time, may stop anywhere, and never come back from the end."""

from typing import get_args

import pytest

from aivalue.kpis.definition import Stage
from aivalue.kpis.stages import reachable, stage_problem

STAGES: tuple[Stage, ...] = get_args(Stage)


@pytest.mark.parametrize(
    ("stage", "following"),
    [
        ("idea", ("approved", "stopped")),
        ("approved", ("pilot", "stopped")),
        ("pilot", ("scale", "run", "stopped")),
        ("scale", ("run", "retired", "stopped")),
        ("run", ("retired", "stopped")),
        ("retired", ()),
        ("stopped", ()),
    ],
)
def test_each_stage_leads_on_by_its_gate(stage: Stage, following: tuple[Stage, ...]) -> None:
    assert reachable(stage) == following


@pytest.mark.parametrize("stage", STAGES)
def test_staying_is_always_possible(stage: Stage) -> None:
    assert stage_problem(stage, stage) is None


def test_a_skipped_gate_is_named_with_the_next_one() -> None:
    assert stage_problem("idea", "run") == (
        "idea cannot become run: the next gate leads to approved, stopped"
    )


def test_what_has_ended_stays_ended() -> None:
    assert stage_problem("stopped", "pilot") == (
        "stopped is the end: a new attempt is a new initiative"
    )
