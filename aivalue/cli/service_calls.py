"""Calls from the command line to the services; what they refuse becomes one readable error."""

import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from pydantic import BaseModel, ValidationError

import aivalue
from aivalue.errors import AivalueError, InvalidDefinition
from aivalue.runtime.headers import PROBLEM_JSON, SUBJECT_HEADER
from aivalue.runtime.settings import RuntimeSettings

Model = TypeVar("Model", bound=BaseModel)
TIMEOUT_SECONDS = 120.0
TOKEN_VARIABLE = "AIVALUE_AUTH__SERVICE_TOKEN"  # noqa: S105 - its name
_TAG = re.compile("<[^>]*>")
_SHOWN = 200


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
    # One for all: each client would read the certificates of the world again.
    trusted = httpx.create_ssl_context(trust_env=False)
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
                    verify=trusted,
                    transport=transports.get(name),
                )
            )

        yield Services(
            baseline=await client("baseline", settings.services.baseline),
            attribution=await client("attribution", settings.services.attribution),
            ingest=await client("ingest", settings.services.ingest),
            reporting=await client("reporting", settings.services.reporting),
        )


def path_of(template: str, *names: str) -> str:
    """Fill names into the braces of a path; whatever one holds, it stays one step of it.

    Raises
    ------
    CallFailed
        It can be no step of a path, so nothing is called that.
    """
    for name in names:
        if "/" in name or not name.strip("."):
            raise CallFailed(f"nothing is called {name!r}: a name has no slash, and more than dots")
    return template.format(*(quote(name, safe="") for name in names))


async def call(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    answer: object,
    **request: Any,  # noqa: ANN401 - httpx's own keywords
) -> Any:  # noqa: ANN401 - JSON
    """Send a request and return the JSON of the answer.

    Parameters
    ----------
    answer :
        Type of what is read in it, one of `aivalue.cli.answers`; None where it has no content.

    Raises
    ------
    InvalidDefinition
        422 with a list of what is wrong.
    CallFailed
        Any other refusal, no answer, or one of another shape.
    """
    return content_of(await _sent(client, method, path, **request), answer)


async def pages(
    client: httpx.AsyncClient,
    path: str,
    answer: object,
    params: Mapping[str, str | int] | None = None,
) -> AsyncIterator[Any]:
    """Yield a list page by page, for as long as an answer names a next one; raises as `call`."""
    asked = dict(params or {})
    while True:
        page = await call(client, "GET", path, answer, params=asked)
        yield page
        # A service of the release before had no pages of baselines and drafts.
        cursor = page.get("next_cursor")
        if cursor is None:
            return
        asked["cursor"] = cursor


async def find(client: httpx.AsyncClient, path: str, answer: object) -> Any | None:  # noqa: ANN401 - JSON
    """Read one thing; None where there is none."""
    response = await _sent(client, "GET", path)
    # A proxy that knows no such path says nothing about the thing.
    if response.status_code == httpx.codes.NOT_FOUND and _type_of(response) == PROBLEM_JSON:
        return None
    return content_of(response, answer)


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


def content_of(response: httpx.Response, answer: object) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON of an answer of a type; None is no content.

    Raises
    ------
    InvalidDefinition, CallFailed
        It is a refusal, or no answer of a service of ours.
    """
    if not response.is_success:
        raise refusal_of(response)
    if answer is None:
        if response.status_code != httpx.codes.NO_CONTENT:
            raise _foreign(response)
        return None
    try:
        _decoder(answer).decode(response.content)
        return response.json()
    except msgspec.ValidationError as error:
        raise CallFailed(
            f"{response.request.url} answered {response.status_code} with other JSON than services "
            f"of aivalue {aivalue.__version__} do: {error}"
        ) from error
    except ValueError as error:
        raise _foreign(response) from error


def read_as(model: type[Model], body: object, *, what: str) -> Model:
    """Read a part of an answer.

    Raises
    ------
    CallFailed
        It is not what our own release of the services says.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise CallFailed(
            f"{what} is not as services of aivalue {aivalue.__version__} have it: "
            f"{where}: {first['msg']}"
        ) from error


def refusal_of(response: httpx.Response) -> AivalueError:
    """Return what a service's refusal says, with every mistake it names."""
    where = f"{response.request.url} answered {response.status_code}"
    try:
        body = response.json()
        detail = str(body["detail"])
        problems = tuple((each["path"], each["message"]) for each in body.get("errors", []))
    except (ValueError, KeyError, TypeError):
        return _foreign(response)
    if problems:
        said = [detail, *(f"  {path}: {message}" for path, message in problems)]
        return InvalidDefinition("\n".join(said), problems=problems)
    if response.status_code in {404, 409, 422}:
        # What was asked for cannot be: the sentence says why, the address would not.
        return CallFailed(detail)
    if response.status_code == httpx.codes.UNAUTHORIZED:
        detail += f"; {TOKEN_VARIABLE} holds the one that is shown"
    return CallFailed(f"{where}: {detail}")


@cache
def _decoder(answer: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - a type of `answers`
    return msgspec.json.Decoder(answer)


def _foreign(response: httpx.Response) -> CallFailed:
    """Say that somebody else answers at a service's address, such as a proxy's page."""
    said = " ".join(_TAG.sub(" ", response.text).split())[:_SHOWN]
    return CallFailed(
        f"{response.request.url} answered {response.status_code} with "
        f"{_type_of(response) or 'no content type'}: {said or 'nothing'}"
    )


def _type_of(response: httpx.Response) -> str:
    media_type: str = response.headers.get("content-type", "").partition(";")[0]
    return media_type.strip().lower()
