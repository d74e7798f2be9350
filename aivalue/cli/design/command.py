"""`aivalue design`: what a trial that is still to be run would detect, and what a target takes."""

from typing import Any

import typer
from typer.core import TyperGroup

from aivalue.cli.design import over_periods, over_subjects

DEFAULT = "subjects"


class OfSubjectsUnlessNamed(TyperGroup):
    """Take options without the name of a trial to be about subjects, the usual one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's own type
        """Put the usual trial in front of options that name none."""
        is_bare = bool(args) and args[0].startswith("-") and args[0] not in {"-h", "--help"}
        parsed: list[str] = super().parse_args(ctx, [DEFAULT, *args] if is_bare else args)
        return parsed


app = typer.Typer(
    cls=OfSubjectsUnlessNamed,
    no_args_is_help=True,
    help="Plan a trial: smallest effect it detects, power at a target, and the size that takes.",
)
app.command("subjects")(over_subjects.subjects)
app.command("clusters")(over_subjects.clusters)
app.command("switchback")(over_periods.switchback)
app.command("rollout")(over_periods.rollout)
app.command("series")(over_periods.series)
