"""Templates and examples are complete, fit together, and satisfy the published schema."""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
from typer import Typer
from typer.testing import CliRunner

from aivalue.cli.definition_schema import file_schema
from aivalue.cli.definitions import read_definitions
from aivalue.cli.located_yaml import read_documents
from aivalue.cli.template_files import init_command, template_names, template_text
from aivalue.kpis.references import problems_of

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "definitions.schema.json"
SEED_CASES = [
    "churn-prediction",
    "document-processing",
    "dynamic-pricing",
    "fraud-detection",
    "predictive-maintenance",
    "service-chatbot",
    "supply-chain-forecasting",
]

app = Typer()
app.command()(init_command)


def as_json(text: str) -> list[object]:
    documents, problems = read_documents(text, file="a.yaml")
    assert problems == []
    return [json.loads(json.dumps(each.value, default=_number)) for each in documents]


def _number(value: object) -> float:
    assert isinstance(value, Decimal)
    return float(value)


def test_every_seed_case_has_a_template() -> None:
    assert template_names() == SEED_CASES


@pytest.mark.parametrize("name", SEED_CASES)
def test_a_template_is_complete(name: str, tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text(template_text(name))

    located = read_definitions(file)

    kinds = [each.kind for each in located]
    assert set(kinds) == {
        "portfolio", "initiative", "process", "kpi", "target", "design", "valuation_rule",
    }  # fmt: skip
    assert problems_of({(each.kind, each.key): each.definition for each in located}) == []
    priced = {each.body["kpi"] for each in located if each.kind == "valuation_rule"}
    assert priced <= {each.key for each in located if each.kind == "kpi"}


@pytest.mark.parametrize("name", SEED_CASES)
def test_a_template_satisfies_the_schema(name: str) -> None:
    for document in as_json(template_text(name)):
        jsonschema.validate(document, file_schema())


@pytest.mark.parametrize(
    "file",
    sorted(
        # Mappings for capture are YAML too, but no definitions.
        each
        for each in (ROOT / "examples").glob("*/*.yaml")
        if each.parent.name != "capture"
    ),
    ids=lambda file: file.name,
)
def test_an_example_satisfies_the_schema(file: Path) -> None:
    for document in as_json(file.read_text()):
        jsonschema.validate(document, file_schema())


def test_the_schema_finds_what_the_reader_finds() -> None:
    [wrong] = as_json("portfolio: {key: p, name: P, onwer: O, reporting_currency: EUR}")

    with pytest.raises(jsonschema.ValidationError, match="onwer"):
        jsonschema.validate(wrong, file_schema())


def test_the_published_schema_is_current() -> None:
    # After a change of the definitions: aivalue schema > docs/definitions.schema.json
    assert json.loads(SCHEMA.read_text()) == file_schema()


def test_init_writes_a_template_once(tmp_path: Path) -> None:
    first = CliRunner().invoke(app, ["churn-prediction", "-d", str(tmp_path)])
    again = CliRunner().invoke(app, ["churn-prediction", "-d", str(tmp_path)])

    assert first.exit_code == 0
    assert read_definitions(tmp_path)
    assert again.exit_code == 1


def test_init_lists_and_suggests() -> None:
    listed = CliRunner().invoke(app, [])
    mistyped = CliRunner().invoke(app, ["churn-predicton"])

    assert "churn-prediction           Churn prediction:" in listed.stdout
    assert mistyped.exit_code == 1
    assert "did you mean churn-prediction?" in mistyped.stderr
