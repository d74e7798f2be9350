"""Events to ingest over HTTP: its answer says, after its commit, what became of each."""

import asyncio
from collections.abc import Sequence

import httpx

from aivalue.cli.answers import ingest as answers
from aivalue.cli.events.delivery import REJECTED, Result
from aivalue.cli.events.prepared import Line
from aivalue.cli.service_calls import CallFailed, content_of, refusal_of
from aivalue.events.http_binding import BATCH_JSON

ATTEMPTS = 6
WAIT_SECONDS = 0.25
WAIT_SECONDS_MAX = 30.0
_BUSY = frozenset({429, 502, 503, 504})


class HttpSender:
    """Posts batches; one that is too large for the service is halved until it fits."""

    def __init__(self, client: httpx.AsyncClient, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._client = client
        self._wait_seconds = wait_seconds

    @property
    def target(self) -> str:
        """Address of the service."""
        return str(self._client.base_url)

    async def send(self, lines: Sequence[Line]) -> list[Result]:
        """Post a batch.

        Raises
        ------
        CallFailed
            The service is away, or refuses the request as a whole.
        """
        body = b"[" + b",".join(line.value for line in lines) + b"]"
        response = await self._answered(body)
        if response.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            if len(lines) == 1:
                detail = f"the service takes less than {len(body)} bytes at a time"
                return [Result(status=REJECTED, reason="too_large", detail=detail)]
            middle = len(lines) // 2
            return await self.send(lines[:middle]) + await self.send(lines[middle:])
        results = [
            Result(
                status=each["status"],
                id=each.get("id"),
                reason=each.get("reason", ""),
                detail=each.get("detail", ""),
            )
            for each in content_of(response, answers.EventsStored)["results"]
        ]
        if len(results) != len(lines):
            raise CallFailed(f"{self.target} answered {len(results)} of {len(lines)} events")
        return results

    async def _answered(self, body: bytes) -> httpx.Response:
        """Post until somebody answers who is not busy; repeating is safe, an event counts once."""
        wait = self._wait_seconds
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(min(wait, WAIT_SECONDS_MAX))
                wait *= 2
            try:
                response = await self._client.post(
                    "/v1/events", content=body, headers={"content-type": BATCH_JSON}
                )
            except httpx.TransportError as error:
                problem = f"does not answer ({type(error).__name__}): is `aivalue up` running?"
                continue
            if response.status_code not in _BUSY:
                return response
            problem = f"is busy, {ATTEMPTS} times: {refusal_of(response)}"
            wait = max(wait, _retry_after(response))
        raise CallFailed(f"{self.target} {problem}")


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdigit() else 0.0
