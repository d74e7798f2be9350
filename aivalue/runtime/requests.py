"""What every request is held to before its route: a body that fits, parameters that exist.

And what every route is: HEAD where there is GET, as HTTP asks of a server.
"""

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ConfigDict, JsonValue
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Five thousand definitions are a third of this.
BODY_BYTES_MAX = 16 * 2**20


def closed(*, example: dict[str, JsonValue]) -> ConfigDict:
    """Return how a body is read: a field it does not know is refused; `example` documents it."""
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [example]})


class BoundedBody:
    """Refuse a body that is too long while it arrives.

    FastAPI reads the whole body before it asks who calls, so this must not wait for the route.
    """

    def __init__(self, app: ASGIApp, *, bytes_max: int) -> None:
        self.app = app
        self.bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body counted."""
        n_bytes = 0

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self.bytes_max:
                raise HTTPException(413, f"the body has more than {self.bytes_max} bytes")
            return message

        await self.app(scope, counted if scope["type"] == "http" else receive, send)


class HeadAsGet:
    """Answer HEAD as GET without its body; load balancers and monitors ask by it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and of a HEAD's answer the head."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            is_body = message["type"] == "http.response.body"
            await send({**message, "body": b""} if is_body else message)

        await self.app({**scope, "method": "GET"}, receive, without_body)


async def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a query with a name that the route does not know.

    A mistyped filter that is ignored answers with the figures of everything.

    Raises
    ------
    RequestValidationError
        It names each such parameter and those there are.
    """
    path, method = request.scope["route"].path_format, request.method.lower()
    described = request.app.openapi()["paths"][path][method].get("parameters", ())
    known = sorted(each["name"] for each in described if each["in"] == "query")
    unknown = sorted({*request.query_params} - {*known})
    if unknown:
        there_are = f"there are {', '.join(known)}" if known else "there is none"
        raise RequestValidationError(
            [
                {"loc": ("query", name), "msg": f"is no parameter of {path}; {there_are}"}
                for name in unknown
            ]
        )
