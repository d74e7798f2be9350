"""Draw how the treated went beside how they would have gone without the AI."""

from io import BytesIO
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aivalue.effects.front_door.course import Course

WITH_AI, WITHOUT_AI = "#1b5e9b", "#b3541e"
TICKS_MAX = 9
# A picture of the same data is the same bytes: no date, no random names (the hash salt).
METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
}


def drawn(
    course: Course, *, outcome: str, title: str, confidence: float, kind: Literal["png", "svg"]
) -> bytes:
    """Return the picture: levels above, their difference below."""
    with mpl.rc_context({"svg.hashsalt": "aivalue", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 6), layout="constrained")
        levels, apart = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        levels.set_title(title, loc="left", fontsize=11)
        band = f"{100 * confidence:g}% interval"
        if len(course.times) == 1:
            _draw_at_once(levels, apart, course, band)
        else:
            _draw_over_time(levels, apart, course, band)
        levels.set_ylabel(outcome)
        levels.legend(frameon=False, fontsize=9)
        apart.set_ylabel("difference")
        apart.axhline(0.0, color="0.4", linewidth=0.8)
        for axes in (levels, apart):
            axes.spines[["top", "right"]].set_visible(False)
        written = BytesIO()
        figure.savefig(written, format=kind, dpi=150, metadata=METADATA[kind])
        return written.getvalue()


def _draw_over_time(levels: Axes, apart: Axes, course: Course, band: str) -> None:
    at = np.arange(len(course.times))
    marker = "o" if len(at) <= 40 else None  # noqa: PLR2004 - more would hide the line
    levels.plot(at, course.observed, color=WITH_AI, marker=marker, markersize=3, label="observed")
    levels.plot(at, course.without_ai, color=WITHOUT_AI, linestyle="--", label="without the AI")
    levels.fill_between(at, course.low, course.high, color=WITHOUT_AI, alpha=0.2, label=band)
    apart.plot(at, course.observed - course.without_ai, color=WITH_AI, marker=marker, markersize=3)
    apart.fill_between(
        at, course.observed - course.high, course.observed - course.low, color=WITH_AI, alpha=0.2
    )
    for axes in (levels, apart):
        axes.axvline(course.n_before - 0.5, color="0.4", linewidth=0.8, linestyle=":")
    levels.annotate(
        "go-live",
        (course.n_before - 0.5, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4, -2),
        textcoords="offset points",
        verticalalignment="top",
        fontsize=9,
        color="0.3",
    )
    shown = np.unique(np.linspace(0, len(at) - 1, min(TICKS_MAX, len(at))).round().astype(int))
    apart.set_xticks(shown, [course.times[index] for index in shown])


def _draw_at_once(levels: Axes, apart: Axes, course: Course, band: str) -> None:
    observed, without = float(course.observed[0]), float(course.without_ai[0])
    low, high = float(course.low[0]), float(course.high[0])
    levels.errorbar(
        [0],
        [without],
        yerr=[[without - low], [high - without]],
        fmt="o",
        capsize=5,
        color=WITHOUT_AI,
        label=f"without the AI, {band}",
    )
    levels.plot([1], [observed], "o", color=WITH_AI, label="with the AI")
    apart.errorbar(
        [1],
        [observed - without],
        yerr=[[high - without], [without - low]],
        fmt="o",
        capsize=5,
        color=WITH_AI,
    )
    apart.set_xticks([0, 1], ["without the AI", "with the AI"])
    apart.set_xlim(-0.5, 1.5)
