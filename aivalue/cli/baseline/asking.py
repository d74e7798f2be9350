"""One question to the baseline service; a refusal ends the command with one line."""

from collections.abc import Mapping

from aivalue.cli.asking import answered
from aivalue.cli.baseline.scope import Json
from aivalue.cli.service_calls import call


def ask(path: str, params: Mapping[str, str | float] | None = None) -> Json:
    """GET, or end the command."""
    return _run("GET", path, params=dict(params or {}))


def post(path: str, request: Mapping[str, object]) -> Json:
    """POST, or end the command."""
    return _run("POST", path, json=dict(request))


def _run(method: str, path: str, **request: object) -> Json:
    answer: Json = answered(lambda services: call(services.baseline, method, path, **request))
    return answer
