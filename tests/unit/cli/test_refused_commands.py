"""Whether commands that ask a service end with one readable line, whoever answers in its place."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from typer.testing import CliRunner

from aivalue.cli.main import app

PAGE = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<hr><b>nginx</b>\r\n</html>\r\n"
PROBLEM = "application/problem+json"
ANSWERS = {
    "401": (401, PROBLEM, '{"detail": "no token"}', "answered 401: no token; AIVALUE_AUTH__"),
    "403": (403, PROBLEM, '{"detail": "needs operator"}', "answered 403: needs operator"),
    "404": (404, PROBLEM, '{"detail": "there is none"}', ""),
    "409": (409, PROBLEM, '{"detail": "not now"}', "not now"),
    "422": (422, PROBLEM, '{"detail": "it breaks its contract"}', "it breaks its contract"),
    "500": (500, PROBLEM, '{"detail": "its log says why"}', "answered 500: its log says why"),
    "404-of-a-proxy": (404, "text/html", PAGE, "answered 404 with text/html: 502 Bad Gateway"),
    "502-of-a-proxy": (502, "text/html", PAGE, "answered 502 with text/html: 502 Bad Gateway"),
    "sign-in": (200, "text/html", PAGE, "answered 200 with text/html: 502 Bad Gateway nginx"),
    "nothing": (200, "application/json", "", "answered 200 with application/json"),
    "moved": (302, "text/html", PAGE, "answered 302 with text/html"),
}
COMMANDS = [
    ["target", "reduce churn by 10%", "--kpi", "churn"],
    ["baseline", "list"],
    ["ingest", "partitions"],
    ["ingest", "verify"],
    ["ingest", "days"],
    ["ingest", "days", "--mend"],
    ["ingest", "resume", "t", "0"],
    ["ingest", "rotate", "t", "--reason", "r"],
    ["events", "show", "urn:s", "i"],
    ["events", "dead-letters", "list"],
    ["events", "dead-letters", "show", "1"],
    ["events", "dead-letters", "discard", "1", "--because", "r"],
    ["events", "replay", "1"],
    ["events", "backfills"],
    ["events", "revert", "--backfill", "b", "--reason", "r"],
]


@pytest.fixture(params=ANSWERS)
def said(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve one answer to everything; return what the commands must say of it."""
    status, content_type, text, needed = ANSWERS[request.param]

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 - the library calls it so

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    for service in ("INGEST", "BASELINE"):
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv(f"AIVALUE_SERVICES__{service}", address)
    yield needed
    server.shutdown()
    server.server_close()


def test_who_is_refused_gets_one_line(said: str) -> None:
    # Those that read the whole of an answer, part by part, and one thing.
    for command in (COMMANDS[0], COMMANDS[2], COMMANDS[6], COMMANDS[9]):
        answer = CliRunner().invoke(app, command)

        assert (answer.exit_code, type(answer.exception)) == (1, SystemExit), (command, answer)
        assert answer.output.strip().count("\n") == 0, answer.output
        assert said in answer.output


def test_who_is_not_answered_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in ("INGEST", "BASELINE"):
        monkeypatch.setenv(f"AIVALUE_SERVICES__{service}", "http://127.0.0.1:1")

    for command in COMMANDS:
        answer = CliRunner().invoke(app, command)

        assert (answer.exit_code, type(answer.exception)) == (1, SystemExit), (command, answer)
        assert answer.output == (
            "http://127.0.0.1:1 does not answer (ConnectError): is `aivalue up` running?\n"
        )
