"""HTTP between services: deadlines, a retry budget for reads, and one error for "not there".

Base URLs come from settings only, redirects are not followed and proxies not consulted.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from aivalue.runtime.headers import TENANT_HEADER
from aivalue.runtime.problems import DependencyUnavailable
from aivalue.runtime.settings import AuthSettings
from aivalue.runtime.telemetry import CLIENT_DURATION

ATTEMPTS = 3
BACKOFF_SECONDS = 0.2
_RETRIED = frozenset({502, 503, 504})


class ServiceClient:
    """Calls one other service for a tenant."""

    def __init__(
        self,
        peer: str,
        base_url: str,
        auth: AuthSettings,
        *,
        timeout_seconds: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._peer = peer
        token = auth.service_token
        headers = {} if token is None else {"authorization": f"Bearer {token.get_secret_value()}"}
        self._sends_tenant = token is not None
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers=headers,
            timeout=httpx.Timeout(timeout_seconds, connect=2.0),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def get(
        self, path: str, *, tenant: str, params: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """Read; retried on connection failures and 502, 503, 504.

        Raises
        ------
        DependencyUnavailable
            No usable answer after three attempts, or an answer that is a server error.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = await self._send("GET", path, tenant=tenant, params=params)
            except httpx.TransportError as error:
                if attempt == ATTEMPTS:
                    raise DependencyUnavailable(
                        f"{self._peer} does not answer: {type(error).__name__}"
                    ) from error
            else:
                if response.status_code not in _RETRIED:
                    return self._checked(response)
                if attempt == ATTEMPTS:
                    return self._checked(response)
            await asyncio.sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))
        raise AssertionError  # the last attempt returns or raises

    async def post(self, path: str, *, tenant: str, json: object) -> httpx.Response:
        """Write, once: whether to repeat a write is the caller's knowledge."""
        try:
            response = await self._send("POST", path, tenant=tenant, json=json)
        except httpx.TransportError as error:
            raise DependencyUnavailable(
                f"{self._peer} does not answer: {type(error).__name__}"
            ) from error
        return self._checked(response)

    def json_of(self, response: httpx.Response) -> Any:  # noqa: ANN401 - JSON
        """Read an answer.

        Raises
        ------
        DependencyUnavailable
            It is no JSON: somebody else answers in the service's place, such as a proxy.
        """
        try:
            return orjson.loads(response.content)
        except orjson.JSONDecodeError as error:
            kind = response.headers.get("content-type") or "no content type"
            raise DependencyUnavailable(
                f"{self._peer} answered {response.status_code} to {response.request.url.path} with "
                f"{kind}, needs JSON"
            ) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _send(self, method: str, path: str, *, tenant: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own keywords
        begun = time.perf_counter()
        status = "none"
        try:
            headers = {TENANT_HEADER: tenant} if self._sends_tenant else {}
            response = await self._client.request(method, path, headers=headers, **request)
            status = str(response.status_code)
            return response
        finally:
            CLIENT_DURATION.labels(self._peer, method, status).observe(time.perf_counter() - begun)

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if response.is_server_error:
            raise DependencyUnavailable(
                f"{self._peer} answered {response.status_code} to {response.request.url.path}"
            )
        return response
