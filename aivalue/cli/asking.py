"""One exchange with the services; what they refuse ends the command with one line."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aivalue.cli.console import fail
from aivalue.cli.service_calls import Services, connected
from aivalue.errors import AivalueError
from aivalue.runtime.settings import RuntimeSettings, read_settings

Answer = TypeVar("Answer")


def answered(ask: Callable[[Services], Awaitable[Answer]]) -> Answer:
    """Ask the services that the settings name, or end the command."""

    async def asked() -> Answer:
        async with connected(read_settings(RuntimeSettings)) as services:
            return await ask(services)

    try:
        return asyncio.run(asked())
    except AivalueError as error:
        fail(str(error))
