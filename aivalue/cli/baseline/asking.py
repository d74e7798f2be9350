"""One question to the baseline service; a refusal ends the command with one line."""

from collections.abc import Mapping

from aivalue.cli.asking import answered
from aivalue.cli.baseline.scope import Json
from aivalue.cli.service_calls import call


def ask(path: str, answer: object, params: Mapping[str, str | float] | None = None) -> Json:
    """GET, or end the command; `answer` is the type of what is read in the answer."""
    return _run("GET", path, answer, params=dict(params or {}))


def post(path: str, answer: object, request: Mapping[str, object]) -> Json:
    """POST, or end the command; `answer` as above."""
    return _run("POST", path, answer, json=dict(request))


def _run(method: str, path: str, answer: object, **request: object) -> Json:
    said: Json = answered(lambda services: call(services.baseline, method, path, answer, **request))
    return said
