"""`aivalue doctor`: whether this machine is fit and the servers of the settings answer."""

import asyncio
import importlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from aivalue.cli.console import FAILED, fail, results
from aivalue.runtime.settings import (
    DatabaseSettings,
    KafkaSettings,
    RuntimeSettings,
    ServiceAddresses,
    read_settings,
    unknown_variables,
)

OK = "ok"
FREE_BYTES_MIN = 2**30
SECONDS_MAX = 5.0


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say whether this machine and the configured servers are fit, one line a check."""
    verdicts = asyncio.run(_examine(read_settings(RuntimeSettings)))
    if as_json:
        sys.stdout.write(json.dumps(verdicts) + "\n")
    else:
        for name, verdict in verdicts.items():
            fit = verdict == OK
            results.print("ok  " if fit else "fail", style="green" if fit else "red", end=" ")
            results.print(name if fit else f"{name}: {verdict}", markup=False, soft_wrap=True)
    if any(verdict != OK for verdict in verdicts.values()):
        raise typer.Exit(FAILED)


def refuse_unknown_variables() -> None:
    """End the command where a variable is none that a program of ours reads."""
    complaints = _unknown_variables()
    if complaints:
        fail("\n".join(complaints))


async def _examine(settings: RuntimeSettings) -> dict[str, str]:
    free = shutil.disk_usage(Path.cwd()).free
    return {
        "settings": "; ".join(_unknown_variables()) or OK,
        "disk": OK
        if free >= FREE_BYTES_MIN
        else f"{free / 2**30:.1f} GiB free in {Path.cwd()}, needs {FREE_BYTES_MIN / 2**30:.0f}",
        "postgresql": await _of_postgresql(settings.database),
        "kafka": await _of_kafka(settings.kafka),
        **await _of_services(settings.services),
    }


async def _of_postgresql(settings: DatabaseSettings) -> str:
    from aivalue.runtime.postgres import DatabaseUnreachable, require_reachable

    try:
        await require_reachable(settings)
    except DatabaseUnreachable as error:
        return str(error)
    return OK


async def _of_kafka(settings: KafkaSettings) -> str:
    from aivalue.runtime.kafka import BrokerUnusable, create_admin, require_reachable

    try:
        admin = create_admin(settings, client_id="aivalue-doctor")
        try:
            await require_reachable(settings, admin)
        finally:
            await admin.close()
    except BrokerUnusable as error:
        return str(error)
    return OK


async def _of_services(addresses: ServiceAddresses) -> dict[str, str]:
    import httpx

    verdicts = {}
    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS_MAX) as client:
        for service, address in addresses:
            try:
                answer = await client.get(f"{address}/readyz")
                verdicts[service] = OK if answer.is_success else f"{address}: {answer.text}"
            except httpx.HTTPError as error:
                verdicts[service] = (
                    f"{address} does not answer ({type(error).__name__}); "
                    f"AIVALUE_SERVICES__{service.upper()} says where it is"
                )
    return verdicts


def _unknown_variables() -> list[str]:
    """Compare the environment with what every program of ours reads."""
    known = [RuntimeSettings]
    for service in ServiceAddresses.model_fields:
        module = importlib.import_module(f"services.{service}.settings")
        known += [
            each
            for each in vars(module).values()
            if isinstance(each, type) and issubclass(each, RuntimeSettings)
        ]
    return unknown_variables(known, os.environ)
