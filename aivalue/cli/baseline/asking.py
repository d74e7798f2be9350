"""One question to the baseline service; a refusal ends the command with one line."""

import asyncio
from collections.abc import Mapping

from aivalue.cli.baseline.scope import Json
from aivalue.cli.console import fail
from aivalue.cli.service_calls import call, connected
from aivalue.errors import AivalueError
from aivalue.runtime.settings import RuntimeSettings, read_settings


def ask(path: str, params: Mapping[str, str | float] | None = None) -> Json:
    """GET, or end the command."""
    return _run("GET", path, params=dict(params or {}))


def post(path: str, request: Mapping[str, object]) -> Json:
    """POST, or end the command."""
    return _run("POST", path, json=dict(request))


def _run(method: str, path: str, **request: object) -> Json:
    async def asked() -> Json:
        async with connected(read_settings(RuntimeSettings)) as services:
            answer: Json = await call(services.baseline, method, path, **request)
            return answer

    try:
        return asyncio.run(asked())
    except AivalueError as error:
        fail(str(error))
