"""Write the picture of an estimate to a file, as an image or as a page."""

from importlib.util import find_spec
from pathlib import Path

from aivalue.cli.console import WRONG_CALL, fail, say
from aivalue.cli.estimate.wording import in_figures
from aivalue.effects.front_door.estimate_panel import PanelEstimate
from aivalue.errors import NotEstimable

KINDS = (".png", ".html")


def require_plottable(path: Path) -> None:
    """Refuse what cannot be drawn before anything is computed."""
    if path.suffix.lower() not in KINDS:
        fail(f"--plot draws {' or '.join(KINDS)}, got {path.name}", status=WRONG_CALL)
    if not path.parent.is_dir():
        fail(f"--plot: there is no folder {path.parent}", status=WRONG_CALL)
    if find_spec("matplotlib") is None:
        fail("--plot draws with matplotlib: pip install matplotlib", status=WRONG_CALL)


def plot_to(path: Path, found: PanelEstimate, *, outcome: str, is_relative: bool) -> None:
    """Draw it to the file."""
    # A third of a second, which an estimate without a picture must not cost.
    from aivalue.cli.estimate.page import page_of
    from aivalue.cli.estimate.picture import drawn

    try:
        course = found.course()
    except NotEstimable as refusal:
        fail(f"cannot be drawn: {refusal}")
    is_page = path.suffix.lower() == ".html"
    content = drawn(
        course,
        outcome=outcome,
        title=f"{in_figures(found.figure, is_relative=is_relative)}, {found.verdict}, "
        f"grade {found.graded.grade}\n{found.effect.estimator}",
        confidence=found.effect.confidence,
        kind="svg" if is_page else "png",
    )
    if is_page:
        content = page_of(found, course, content, outcome=outcome, is_relative=is_relative)
    try:
        path.write_bytes(content)
    except OSError as error:
        fail(f"cannot write {path}: {error.strerror}", status=WRONG_CALL)
    say(f"drawn to {path}")
