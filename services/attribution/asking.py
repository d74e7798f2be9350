"""Ask another service, and take nothing but a usable answer."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.problems import DependencyUnavailable


async def get(
    client: ServiceClient,
    path: str,
    tenant: str,
    params: Mapping[str, str | int | Sequence[str]],
    *,
    may_be_missing: bool = False,
) -> Any:  # noqa: ANN401 - another service's JSON
    """Return an answer's JSON; None where it may be missing and is.

    Raises
    ------
    DependencyUnavailable
        The service answers with an error, or with no JSON.
    """
    response = await client.get(path, tenant=tenant, params=params)
    if may_be_missing and response.status_code == httpx.codes.NOT_FOUND:
        return None
    return client.json_of(_usable(response))


async def get_bytes(client: ServiceClient, path: str, tenant: str) -> bytes:
    """Return an answer as it is."""
    return _usable(await client.get(path, tenant=tenant)).content


def _usable(response: httpx.Response) -> httpx.Response:
    if response.is_error:
        raise DependencyUnavailable(
            f"{response.request.url.path} answered {response.status_code}, needs 200"
        )
    return response
