"""What another service answers is read, or refused with its name."""

import httpx
import pytest

from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.problems import DependencyUnavailable
from aivalue.runtime.settings import AuthSettings


def answering(content: bytes, content_type: str = "application/json") -> ServiceClient:
    def handle(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=content, headers={"content-type": content_type})

    return ServiceClient(
        "ingest", "http://ingest", AuthSettings(), transport=httpx.MockTransport(handle)
    )


async def test_json_is_read() -> None:
    client = answering(b'{"a": [1]}')

    response = await client.get("/v1/series", tenant="default")

    assert client.json_of(response) == {"a": [1]}


@pytest.mark.parametrize("content", [b"<html>sign in</html>", b"", b"{", b"\xff"])
async def test_what_is_no_json_is_refused_with_who_said_it(content: bytes) -> None:
    client = answering(content, "text/html")

    response = await client.get("/v1/series", tenant="default")

    with pytest.raises(
        DependencyUnavailable, match=r"^ingest answered 200 to /v1/series with text/html"
    ):
        client.json_of(response)
