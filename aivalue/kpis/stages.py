"""The stages of an initiative: one gate at a time, and no way back from the end.

idea > approved > pilot > scale > run > retired, and from anywhere before the end: stopped. Each
change is a version of the initiative with its author and reason: that is the gate's record.
"""

from typing import get_args

from aivalue.kpis.definition import Stage

_NEXT: dict[Stage, tuple[Stage, ...]] = {
    "idea": ("approved",),
    "approved": ("pilot",),
    # A pilot may be all there is to scale; a programme may end without a long run.
    "pilot": ("scale", "run"),
    "scale": ("run", "retired"),
    "run": ("retired",),
    "retired": (),
    "stopped": (),
}


def stage_problem(before: Stage, after: Stage) -> str | None:
    """Say why an initiative cannot pass from one stage to another; None where it can."""
    if before == after or after in _NEXT[before]:
        return None
    if not _NEXT[before]:
        return f"{before} is the end: a new attempt is a new initiative"
    if after == "stopped":
        return None
    ways = ", ".join((*_NEXT[before], "stopped"))
    return f"{before} cannot become {after}: the next gate leads to {ways}"


def reachable(stage: Stage) -> tuple[Stage, ...]:
    """Return the stages that an initiative can pass to, in their order."""
    return tuple(
        each for each in get_args(Stage) if each != stage and stage_problem(stage, each) is None
    )
