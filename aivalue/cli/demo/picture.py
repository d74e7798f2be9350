"""The demonstration's table as a picture for the README."""

import io
import re
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

WIDTH = 165
_FONTS_FROM_AFAR = re.compile(r"@font-face \{.*?\}\s*", flags=re.DOTALL)


def draw(path: Path, show: Callable[[Console], None], *, title: str) -> None:
    """Draw what `show` prints as SVG; it uses the reader's own monospaced font."""
    console = Console(file=io.StringIO(), record=True, width=WIDTH, highlight=False)
    show(console)
    picture = console.export_svg(title=title, theme=MONOKAI)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_FONTS_FROM_AFAR.sub("", picture))
