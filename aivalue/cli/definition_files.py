"""Definitions back to YAML: what is written reads as the very same definitions.

One file per initiative; what several initiatives use stands in shared.yaml.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal

import yaml
from pydantic import BaseModel

from aivalue.cli.definitions import LIST_SECTIONS, SECTION_KINDS
from aivalue.cli.located_yaml import reads_as_text
from aivalue.kpis.definition import Definition, Design, Initiative, Kpi, Target
from aivalue.kpis.series import plain
from aivalue.money.valuation_rule import ValuationRule

SHARED = "shared"
Definitions = Mapping[tuple[str, str], Definition]


def files_of(definitions: Definitions) -> dict[str, str]:
    """Write definitions as files: name without suffix -> YAML."""
    owners = {key: _initiatives_using(key, definitions) for key in definitions}
    files: dict[str, dict[tuple[str, str], Definition]] = {}
    for key, definition in definitions.items():
        using = owners[key]
        name = next(iter(using)) if len(using) == 1 else SHARED
        files.setdefault(name, {})[key] = definition
    return {name: yaml_of(content) for name, content in sorted(files.items())}


def yaml_of(definitions: Definitions) -> str:
    """Write definitions section by section; a second portfolio starts a second document."""
    documents: list[dict[str, object]] = [{}]
    for section, kind in SECTION_KINDS.items():
        bodies = [_body(each) for (of, _), each in sorted(definitions.items()) if of == kind]
        if bodies and section in LIST_SECTIONS:
            documents[0][section] = bodies
        for position, body in enumerate(bodies if section not in LIST_SECTIONS else []):
            if position == len(documents):
                documents.append({})
            documents[position][section] = body
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _initiatives_using(key: tuple[str, str], definitions: Definitions) -> frozenset[str]:
    kind, name = key
    definition = definitions[key]
    match definition:
        case Initiative() | Design():
            return frozenset({name})
        case Target() | ValuationRule():
            return frozenset({definition.initiative})
        case Kpi():
            return frozenset(_initiatives_of_kpi(name, definitions))
    if kind == "process":
        kpis = [each.key for each in definitions.values() if _is_on(each, name)]
        return frozenset(
            initiative for kpi in kpis for initiative in _initiatives_of_kpi(kpi, definitions)
        )
    return frozenset(
        each.key
        for each in definitions.values()
        if isinstance(each, Initiative) and each.portfolio == name
    )


def _is_on(definition: Definition, process: str) -> bool:
    return isinstance(definition, Kpi) and definition.process == process


def _initiatives_of_kpi(kpi: str, definitions: Definitions) -> Iterable[str]:
    for each in definitions.values():
        if isinstance(each, Design) and kpi in each.kpis:
            yield each.key
        elif isinstance(each, (Target, ValuationRule)) and each.kpi == kpi:
            yield each.initiative


def _body(definition: BaseModel) -> dict[str, object]:
    return definition.model_dump(exclude_defaults=True)


class _Dumper(yaml.SafeDumper):
    """Writes what `located_yaml` reads back: numbers and days plain, text quoted where needed."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's own signature
        # A list stands deeper than its section, as people write it.
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if reads_as_text(text) else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _decimal(dumper: yaml.SafeDumper, number: Decimal) -> yaml.ScalarNode:
    text = plain(number)
    kind = "float" if "." in text else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


def _day(dumper: yaml.SafeDumper, day: date) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", day.isoformat())


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Decimal, _decimal)
_Dumper.add_representer(date, _day)
_Dumper.add_representer(tuple, _Dumper.represent_list)
