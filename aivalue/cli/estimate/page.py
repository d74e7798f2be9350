"""One page to hand on: the picture, what it says, every check, and the figures behind the lines."""

from collections.abc import Sequence
from html import escape
from importlib import resources
from string import Template

import numpy as np

from aivalue.cli.estimate.showing import lines_of
from aivalue.cli.estimate.wording import counted, in_turn, passed_over
from aivalue.effects.front_door.course import Course
from aivalue.effects.front_door.estimate_panel import PanelEstimate


def page_of(
    found: PanelEstimate, course: Course, picture: bytes, *, outcome: str, is_relative: bool
) -> bytes:
    """Return the page; nothing in it is fetched from elsewhere."""
    svg = picture.decode()
    template = resources.files("aivalue.cli.estimate").joinpath("page.html").read_text("utf-8")
    page = Template(template).substitute(
        outcome=escape(outcome),
        picture=svg[svg.index("<svg") :],
        answer=_rows(lines_of(found, outcome=outcome, is_relative=is_relative)),
        counted=escape(counted(found.checks)),
        checks=_rows(
            [(check.status, check.name, check.in_words) for check in in_turn(found.checks)]
        ),
        others=_rows([(names, why) for why, names in passed_over(found).items()]),
        course=_rows(_figures(course)),
    )
    return page.encode()


def _figures(course: Course) -> list[tuple[str, ...]]:
    columns = (course.observed, course.without_ai, course.low, course.high)
    return [
        (time, *("" if np.isnan(value) else f"{value:.6g}" for value in values))
        for time, *values in zip(course.times, *columns, strict=True)
    ]


def _rows(rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
