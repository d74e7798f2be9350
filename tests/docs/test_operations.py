"""Whether the runbook covers the alerts there are, and the settings page every setting."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from aivalue.runtime.settings import PREFIX, RuntimeSettings, unknown_variables
from deploy.documents.settings_page import MEANINGS, SERVICES, meaning_of, variables

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
SETTINGS: list[type[RuntimeSettings]] = [RuntimeSettings, *SERVICES.values()]


def alerts() -> dict[str, str]:
    """Return every alert with its severity."""
    groups = [
        group
        for path in sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return {rule["alert"]: rule["labels"]["severity"] for rule in rules}


def entries() -> dict[str, str]:
    _, _, runbook = PAGE.partition("## Runbook")
    return dict(
        re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", runbook, flags=re.MULTILINE | re.DOTALL)
    )


def test_every_alert_has_an_entry_and_every_entry_an_alert() -> None:
    assert set(entries()) == set(alerts())


@pytest.mark.parametrize("alert", alerts())
def test_an_entry_says_where_to_look_and_when_to_page(alert: str) -> None:
    entry = entries()[alert]

    assert "**Look:**" in entry
    (page,) = re.findall(r"\*\*Page:\*\* (yes|no)", entry)
    assert (page == "yes") is (alerts()[alert] == "page")


def test_every_setting_that_is_named_exists() -> None:
    named = set(re.findall(rf"{PREFIX}[A-Z_]+[A-Z]", PAGE))

    assert unknown_variables(SETTINGS, dict.fromkeys(named, "")) == []


def test_every_setting_has_a_meaning_and_no_meaning_is_left_over() -> None:
    fields = dict(every_setting())

    assert [name for name, meaning in fields.items() if not meaning] == []
    assert set(MEANINGS) <= set(fields)


def every_setting() -> Iterator[tuple[str, str | None]]:
    for settings in SETTINGS:
        for name, info in variables(settings):
            yield name, meaning_of(name, info)
