"""One question to the baseline service; a refusal ends the command with one line."""

from collections.abc import Mapping

from aivalue.cli.asking import answered
from aivalue.cli.baseline.scope import Json
from aivalue.cli.service_calls import call


def ask(path: str, answer: object, params: Mapping[str, str | float] | None = None) -> Json:
    """GET, or end the command; `answer` is the type of what is read in the answer."""
    return _run("GET", path, answer, params=dict(params or {}))


def ask_all(path: str, answer: object, name: str, params: Mapping[str, str] | None = None) -> Json:
    """GET every page, or end the command; the rows called `name` come as of one page."""
    asked = dict(params or {})
    page = ask(path, answer, asked)
    rows = list(page[name])
    while (cursor := page.get("next_cursor")) is not None:
        page = ask(path, answer, asked | {"cursor": cursor})
        rows += page[name]
    return {**page, name: rows}


def post(path: str, answer: object, request: Mapping[str, object]) -> Json:
    """POST, or end the command; `answer` as above."""
    return _run("POST", path, answer, json=dict(request))


def _run(method: str, path: str, answer: object, **request: object) -> Json:
    said: Json = answered(lambda services: call(services.baseline, method, path, answer, **request))
    return said
