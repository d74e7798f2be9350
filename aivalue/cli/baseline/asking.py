"""One question to the baseline service; a refusal ends the command with one line."""

from collections.abc import Mapping

from aivalue.cli.asking import answered
from aivalue.cli.baseline.scope import Json
from aivalue.cli.service_calls import Services, call, pages


def ask(path: str, answer: object, params: Mapping[str, str | float] | None = None) -> Json:
    """GET, or end the command; `answer` is the type of what is read in the answer."""
    return _run("GET", path, answer, params=dict(params or {}))


def ask_all(path: str, answer: object, name: str, params: Mapping[str, str] | None = None) -> Json:
    """GET every page, or end the command; the rows called `name` come as of one page."""

    async def asked(services: Services) -> Json:
        rows: list[object] = []
        async for page in pages(services.baseline, path, answer, params):
            rows += page[name]
        return {**page, name: rows}

    return answered(asked)


def post(path: str, answer: object, request: Mapping[str, object]) -> Json:
    """POST, or end the command; `answer` as above."""
    return _run("POST", path, answer, json=dict(request))


def _run(method: str, path: str, answer: object, **request: object) -> Json:
    said: Json = answered(lambda services: call(services.baseline, method, path, answer, **request))
    return said
