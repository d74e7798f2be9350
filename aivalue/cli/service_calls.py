"""Calls from the command line to the services; what they refuse becomes one readable error."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from aivalue.errors import AivalueError, InvalidDefinition
from aivalue.runtime.auth import SUBJECT_HEADER
from aivalue.runtime.settings import RuntimeSettings

TIMEOUT_SECONDS = 120.0
TOKEN_VARIABLE = "AIVALUE_AUTH__SERVICE_TOKEN"  # noqa: S105 - its name


class CallFailed(AivalueError):
    """A service is away or refuses; the message says which, and what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Open clients of the services that commands talk to."""

    baseline: httpx.AsyncClient
    attribution: httpx.AsyncClient
    ingest: httpx.AsyncClient
    reporting: httpx.AsyncClient


@contextlib.asynccontextmanager
async def connected(
    settings: RuntimeSettings,
    *,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
) -> AsyncIterator[Services]:
    """Open clients for the addresses and the token of the settings."""
    transports = transports or {}
    async with contextlib.AsyncExitStack() as stack:

        async def client(name: str, base_url: str) -> httpx.AsyncClient:
            token, acting = settings.auth.service_token, settings.auth.act_as
            return await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=base_url,
                    headers=({} if acting is None else {SUBJECT_HEADER: acting})
                    if token is None
                    else {"authorization": f"Bearer {token.get_secret_value()}"},
                    timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=2.0),
                    follow_redirects=False,
                    trust_env=False,
                    transport=transports.get(name),
                )
            )

        yield Services(
            baseline=await client("baseline", settings.services.baseline),
            attribution=await client("attribution", settings.services.attribution),
            ingest=await client("ingest", settings.services.ingest),
            reporting=await client("reporting", settings.services.reporting),
        )


async def call(client: httpx.AsyncClient, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 - JSON
    """Send a request and return the JSON of the answer, None where it has no content.

    Raises
    ------
    InvalidDefinition
        422 with a list of what is wrong.
    CallFailed
        Any other refusal, or no answer.
    """
    response = await _sent(client, method, path, **request)
    if response.is_success:
        return response.json() if response.content else None
    raise refusal_of(response)


async def find(client: httpx.AsyncClient, path: str) -> Any | None:  # noqa: ANN401 - JSON
    """Read one thing; None where there is none."""
    response = await _sent(client, "GET", path)
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    if response.is_success:
        return response.json()
    raise refusal_of(response)


async def _sent(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    **request: Any,  # noqa: ANN401 - httpx's own keywords
) -> httpx.Response:
    try:
        return await client.request(method, path, **request)
    except httpx.TransportError as error:
        raise CallFailed(
            f"{client.base_url} does not answer ({type(error).__name__}): is `aivalue up` running?"
        ) from error


def refusal_of(response: httpx.Response) -> AivalueError:
    """Return what a service's refusal says, with every mistake it names."""
    where = f"{response.request.url} answered {response.status_code}"
    try:
        body = response.json()
        detail = str(body["detail"])
        problems = tuple((each["path"], each["message"]) for each in body.get("errors", []))
    except (ValueError, KeyError, TypeError):
        return CallFailed(f"{where}: {response.text[:200]}")
    if problems:
        said = [detail, *(f"  {path}: {message}" for path, message in problems)]
        return InvalidDefinition("\n".join(said), problems=problems)
    if response.status_code in {404, 409, 422}:
        # What was asked for cannot be: the sentence says why, the address would not.
        return CallFailed(detail)
    if response.status_code == httpx.codes.UNAUTHORIZED:
        detail += f"; {TOKEN_VARIABLE} holds the one that is shown"
    return CallFailed(f"{where}: {detail}")
