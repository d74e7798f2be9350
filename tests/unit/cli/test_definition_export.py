"""What is exported reads back as the very same definitions, whatever they hold."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aivalue.cli.definition_files import Definitions, files_of
from aivalue.cli.definitions import read_definitions
from aivalue.kpis.definition import Definition, Initiative, Kpi, Portfolio, Process, Target

EXAMPLES = Path(__file__).parents[3] / "examples"
# Everything that a YAML reader may take for something else.
TRICKY = st.sampled_from(
    ["yes", "NO", "null", "~", "1e5", "0815", "4711", "0.10", "2024-01-01", "12:30", "- a", "a: b",
     "# no", "'", '"', "@x", "`", "%", "true", "=", "<<", "\u00e9", "\u2028", "a\nb", " a ", "\t",
     "*x", "&x", "!x", "|", ">", "[", "{", "?", "\U0001f600"]
)  # fmt: skip
TEXTS = TRICKY | st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30
)


def read_back(definitions: Definitions, directory: Path) -> dict[tuple[str, str], Definition]:
    for name, text in files_of(definitions).items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    found = read_definitions(directory)
    for file in directory.iterdir():
        file.unlink()
    return {(each.kind, each.key): each.definition for each in found}


@pytest.mark.parametrize("example", ["open-bandit", "predictive-maintenance"])
def test_the_examples_survive_the_round_trip(example: str, tmp_path: Path) -> None:
    definitions = {
        (each.kind, each.key): each.definition for each in read_definitions(EXAMPLES / example)
    }

    assert read_back(definitions, tmp_path) == definitions


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=TEXTS,
    owner=TEXTS,
    tags=st.dictionaries(TEXTS, TEXTS, max_size=3),
    rate=st.decimals("0", "0.99", places=6),
    amount=st.decimals("0.000001", 10**12, places=6),
    due=st.dates(date(1990, 1, 1), date(2100, 1, 1)),
)
def test_any_definition_survives_the_round_trip(
    tmp_path: Path,
    name: str,
    owner: str,
    tags: dict[str, str],
    rate: object,
    amount: object,
    due: date,
) -> None:
    found: list[tuple[str, Definition]] = [
        (
            "portfolio",
            Portfolio.model_validate(
                {
                    "key": "p",
                    "name": name,
                    "owner": owner,
                    "reporting_currency": "EUR",
                    "hurdle_rate": rate,
                }
            ),
        ),
        (
            "initiative",
            Initiative(
                key="i", portfolio="p", name=name, owner=owner, stage="idea", go_live=due, tags=tags
            ),
        ),
        (
            "target",
            Target.model_validate(
                {
                    "key": "t",
                    "initiative": "i",
                    "kpi": "k",
                    "kind": "absolute",
                    "amount": amount,
                    "due": due,
                }
            ),
        ),
    ]
    definitions = {(kind, each.key): each for kind, each in found}

    assert read_back(definitions, tmp_path) == definitions


def test_what_several_initiatives_use_stands_in_one_place(tmp_path: Path) -> None:
    kpi = Kpi(key="k", process="s", name="K", unit="x", better_when="lower", aggregation="mean")
    definitions: dict[tuple[str, str], Definition] = {
        ("portfolio", "p"): Portfolio(key="p", name="P", owner="O", reporting_currency="EUR"),
        ("portfolio", "q"): Portfolio(key="q", name="Q", owner="O", reporting_currency="EUR"),
        ("process", "s"): Process(key="s", name="S", unit_of_analysis="line"),
        ("kpi", "k"): kpi,
    }
    for key in ("a", "b"):
        definitions["initiative", key] = Initiative(
            key=key, portfolio="p", name="I", owner="O", stage="idea"
        )
        definitions["target", f"t-{key}"] = Target.model_validate(
            {
                "key": f"t-{key}",
                "initiative": key,
                "kpi": "k",
                "kind": "absolute",
                "amount": "1",
                "due": "2025-01-01",
            }
        )

    assert set(files_of(definitions)) == {"a", "b", "shared"}
    assert read_back(definitions, tmp_path) == definitions
