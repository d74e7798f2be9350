"""Whether commands that ask a service end with one readable line, whoever answers in its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner, Result

from aivalue.cli.main import app
from aivalue.errors import AivalueError

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
EXAMPLE = str(Path(__file__).parents[3] / "examples" / "predictive-maintenance")
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
    ["baseline", "readiness", "--initiative", "i", "--kpi", "k"],
    ["baseline", "freeze", "--initiative", "i", "--kpi", "k", "--reason", "r"],
    ["baseline", "draft", "--initiative", "i", "--kpi", "k", "--reason", "r"],
    ["baseline", "drafts"],
    ["baseline", "review", "b", "--comment", "c", "--approve"],
    ["baseline", "freeze-draft", "b"],
    ["baseline", "show", "b"],
    ["baseline", "expected", "b", "--start", "2024-01-01", "--end", "2024-02-01"],
    ["baseline", "compare", "b", "c"],
    ["baseline", "drift", "b"],
    ["report"],
    ["report", "i"],
    ["gates", "i"],
    ["ledger", "verify"],
    ["export"],
    ["drift", "-f", EXAMPLE],
    ["apply", "-f", EXAMPLE, "--yes"],
]
SERVICES = ("INGEST", "BASELINE", "ATTRIBUTION", "REPORTING")
# Whole answers, and such as look like ours but for what is in them.
OTHER_JSON: dict[str, list[list[str]]] = {
    '{"signed_in": false}': COMMANDS,
    "[1, {}]": COMMANDS,
    '[{"topic": "t"}]': [["ingest", "partitions"]],
    '"ok"': [["report"], ["ingest", "partitions"]],
    '{"baselines": [{}]}': [["baseline", "list"]],
    '{"definitions": [{"kind": "kpi", "key": "k", "body": {}}], "next_cursor": null}': [["export"]],
    '{"as_of": "", "stale": false, "stale_reason": null, "portfolios": [{}]}': [["report"]],
    '{"as_of": "", "stale": false, "stale_reason": null, "initiative": {}, "pending": null}': [
        ["report", "i"]
    ],
}


@pytest.fixture(params=ANSWERS)
def said(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve one answer to everything; return what the commands must say of it."""
    status, content_type, text, needed = ANSWERS[request.param]
    with answering(monkeypatch, status, content_type, text):
        yield needed


@contextmanager
def answering(
    monkeypatch: pytest.MonkeyPatch, status: int, content_type: str, text: str
) -> Iterator[None]:
    """Answer everything that any service is asked in one way."""

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
    for service in SERVICES:
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv(f"AIVALUE_SERVICES__{service}", address)
    yield
    server.shutdown()
    server.server_close()


def test_who_is_refused_gets_one_line(said: str) -> None:
    # Those that read the whole of an answer, part by part, and one thing.
    for command in (COMMANDS[0], COMMANDS[2], COMMANDS[6], COMMANDS[9]):
        answer = CliRunner().invoke(app, command)

        assert (answer.exit_code, type(answer.exception)) == (1, SystemExit), (command, answer)
        assert answer.output.strip().count("\n") == 0, answer.output
        assert said in answer.output


def said_by(answer: Result) -> list[str]:
    """Return what was printed, and the line that the program prints of an error of ours."""
    lines = answer.output.splitlines()
    if isinstance(answer.exception, AivalueError):
        return [*lines, str(answer.exception)]
    assert isinstance(answer.exception, SystemExit), answer.exception
    return lines


@pytest.mark.parametrize("text", OTHER_JSON)
def test_who_is_answered_in_other_json_gets_one_line(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    with answering(monkeypatch, 200, "application/json", text):
        for command in OTHER_JSON[text]:
            answer = CliRunner().invoke(app, command)

            assert answer.exit_code == 1, (command, answer)
            assert len(said_by(answer)) == 1, (command, answer.output, answer.exception)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../..", "a?b=c", "a#b", "a b", "ä"])
def test_a_name_stays_one_step_of_its_path(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with answering(monkeypatch, 404, PROBLEM, '{"detail": "there is none"}'):
        for command in (["gates", name], ["baseline", "show", name], ["report", name]):
            [line] = said_by(CliRunner().invoke(app, command))

            assert "there is none" in line or f"nothing is called {name!r}" in line


def test_who_is_not_answered_gets_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for service in SERVICES:
        monkeypatch.setenv(f"AIVALUE_SERVICES__{service}", "http://127.0.0.1:1")

    for command in COMMANDS:
        answer = CliRunner().invoke(app, command)

        assert (answer.exit_code, type(answer.exception)) == (1, SystemExit), (command, answer)
        assert answer.output == (
            "http://127.0.0.1:1 does not answer (ConnectError): is `aivalue up` running?\n"
        )
