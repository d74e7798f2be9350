"""Whether the page for a user's own events shows events that count and definitions that apply."""

import re
from datetime import UTC, datetime
from pathlib import Path

from aivalue.cli.definitions import read_definitions
from aivalue.events.decode import decode_structured

PAGE = (Path(__file__).parents[2] / "docs" / "your-own-events.md").read_text()


def test_the_definitions_it_shows_are_whole(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "helpdesk.yaml").write_text(shown)

    kinds = {each.kind for each in read_definitions(tmp_path)}

    assert kinds >= {"portfolio", "initiative", "process", "kpi", "design", "valuation_rule"}


def test_the_events_it_shows_are_events() -> None:
    lines = re.findall(r"^ {4}(\{.*\})$", PAGE, flags=re.MULTILINE)

    events = [decode_structured(line.encode(), now=datetime.now(UTC)) for line in lines]

    assert [event.type.split(".")[1] for event in events] == ["measurement", "intervention"]
