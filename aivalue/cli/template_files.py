"""`aivalue init`: definitions to start from, one file per use case."""

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from aivalue.cli.console import fail, results, say
from aivalue.kpis.nearest import nearest

SUFFIX = ".yaml"


def template_names() -> list[str]:
    """Return the use cases there is a template for."""
    files = resources.files("aivalue.cli.templates").iterdir()
    return sorted(each.name.removesuffix(SUFFIX) for each in files if each.name.endswith(SUFFIX))


def template_text(name: str) -> str:
    """Return a template's YAML."""
    file = resources.files("aivalue.cli.templates").joinpath(f"{name}{SUFFIX}")
    return file.read_text(encoding="utf-8")


def init_command(
    template: Annotated[
        str | None, typer.Argument(help="Name of a use case; the list of them without it.")
    ] = None,
    directory: Annotated[Path, typer.Option("--directory", "-d", help="Where to.")] = Path(),
) -> None:
    """Write the definitions of a use case to start from."""
    names = template_names()
    if template is None:
        for name in names:
            first = template_text(name).splitlines()[0].removeprefix("# ")
            results.print(f"{name:<26} {first}", markup=False, soft_wrap=True)
        return
    if template not in names:
        near = nearest(template, names)
        hint = f"did you mean {near}?" if near else f"known are {', '.join(names)}"
        fail(f"there is no template {template!r}; {hint}")
    file = directory / f"{template}{SUFFIX}"
    if file.exists():
        fail(f"{file} exists; choose another directory")
    directory.mkdir(parents=True, exist_ok=True)
    file.write_text(template_text(template), encoding="utf-8")
    say(f"wrote {file}; edit it, then: aivalue apply -f {file}")
