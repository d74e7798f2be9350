"""Whether an operator can repair, replay, close and take back from the command line alone."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from typer.testing import CliRunner, Result

from aivalue.cli.main import app
from aivalue.runtime.clock import utc_now
from tests.integration.ingest.material import BATCH, http_measured
from tests.integration.ingest.system import Ingest, IngestProcess

MAPPING = """\
type: measurement
source: urn:test
time: day
timezone: UTC
fields:
  kpi: {constant: downtime}
  unit: line
  value: %s
"""
# Three batches and a half: the first is acknowledged, and the others are still to come.
# Many more than are sent before the interrupt arrives.
N_ROWS = 20_000
# Who runs the tests in the background ignores interrupts, and children inherit that.
_HEEDING_INTERRUPTS = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from aivalue.cli.main import run; run()"
)
TABLE = "line,day,hours\nline-1,2024-01-01,1.5\nline-1,2024-01-02,2\n"


class Operator:
    """Somebody at a terminal, and what the service then says."""

    def __init__(self, process: IngestProcess, directory: Path) -> None:
        self._address = process.address
        self._directory = directory

    @property
    def environment(self) -> dict[str, str]:
        """Name this ingest, and nobody else: a system that runs beside the tests is not asked."""
        return {
            "AIVALUE_SERVICES__INGEST": self._address,
            "AIVALUE_SERVICES__BASELINE": "http://127.0.0.1:1",
        }

    async def run(self, *words: str, status: int = 0) -> Any:
        """Run a command of `events`."""
        return await self.ask("events", *words, status=status)

    async def say(self, *words: str) -> Result:
        """Run a command in a thread, for it brings its own loop; faster than in a process."""
        return await asyncio.to_thread(CliRunner().invoke, app, list(words), env=self.environment)

    async def ask(self, *words: str, status: int = 0) -> Any:
        """Run a command, and read what it answers as JSON."""
        done = await self.say(*words, "--json")
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

    def write(self, name: str, text: str) -> str:
        path = self._directory / name
        path.write_text(text)
        return str(path)

    async def send(self, events: Sequence[object]) -> None:
        async with httpx.AsyncClient(base_url=self._address) as client:
            (await client.post("/v1/events", headers=BATCH, json=events)).raise_for_status()

    async def sums(self) -> Any:
        async with httpx.AsyncClient(base_url=self._address) as client:
            answer = await client.get("/v1/series?kpi=downtime")
            return answer.json()["columns"]["sum"]


@pytest.fixture
def system(database_url: str, broker: str, unique: str, tmp_path: Path) -> Ingest:
    return Ingest(
        database=database_url, broker=broker, prefix=f"{unique}.", log=tmp_path / "ingest.log"
    )


@pytest.fixture
def process(system: Ingest) -> Iterator[IngestProcess]:
    started = system.start(AIVALUE_INGEST__CONSUME="false")
    yield started
    started.kill()


async def test_dead_letters_from_the_command_line(process: IngestProcess, tmp_path: Path) -> None:
    await process.until("/livez", lambda response: response.is_success)
    operator = Operator(process, tmp_path)
    misspelt = [
        http_measured(each, "7") | {"data": {"kpi": "downtime", "unit": "l", "valeu": "7"}}
        for each in ("a", "b")
    ]
    await operator.send([*misspelt, http_measured("c", "1") | {"type": "unheard.of"}])

    listed = await operator.run("dead-letters", "list", "--reason", "schema")
    cut, whole = [
        await operator.say("events", "dead-letters", "list", "--limit", n) for n in ("2", "3")
    ]
    assert "there are more than these 2: --limit" in cut.output
    assert "there are more" not in whole.output
    first = str(listed[0]["dead_letter_id"])
    patch = operator.write("patch.json", '{"data": {"valeu": null, "value": "7"}}')
    trial = await operator.run("replay", first, "--patch", f"@{patch}", "--dry-run")
    assert await operator.sums() == []
    unchanged = await operator.run("replay", "--reason", "schema", status=1)
    done = await operator.run("replay", "--reason", "schema", "--patch", f"@{patch}")
    again = await operator.run("replay", "--reason", "schema", "--patch", f"@{patch}")
    shown = await operator.run("dead-letters", "show", first)
    closed = await operator.run("dead-letters", "discard", "--topic", "http", "--because", "a test")

    assert [each["reason"] for each in listed] == ["schema", "schema"]
    assert (trial["dry_run"], trial["replayed"]) == (True, 1)
    assert unchanged["rejected_again"] == 2
    assert done["replayed"] == 2
    assert again["results"] == []
    assert shown["dead_letter"]["status"] == "replayed"
    # A dry run leaves no trace; what was tried and what was done does.
    assert [each["outcome"] for each in shown["resolutions"]] == ["rejected_again", "replayed"]
    assert len(closed["discarded"]) == 1
    assert await operator.run("dead-letters", "list") == []
    assert await operator.sums() == ["14"]


async def test_letters_that_do_not_exist_are_named_and_the_command_fails(
    process: IngestProcess, tmp_path: Path
) -> None:
    await process.until("/livez", lambda response: response.is_success)
    operator = Operator(process, tmp_path)
    await operator.send([http_measured("a", "1") | {"type": "unheard.of"}])
    (letter,) = await operator.run("dead-letters", "list")
    known = str(letter["dead_letter_id"])

    discarding = ("events", "dead-letters", "discard", known, "--because", "a test")
    discarded = await operator.say(*discarding, "4711")
    replayed = await operator.say("events", "replay", known, "4711")
    shown = await operator.say("events", "dead-letters", "show", "4711")
    assert len(await operator.run("dead-letters", "list")) == 1
    closed = await operator.say(*discarding)
    again = await operator.say(*discarding)
    counted = await operator.say("events", "replay", known)

    for each in (discarded, replayed):
        assert each.exit_code == 1
        assert "no such dead letter: 4711 (nothing was done)" in each.output
    assert (shown.exit_code, counted.exit_code) == (1, 1)
    assert "there is no dead letter 4711" in shown.output
    assert f"discarded already: dead letter {known}" in counted.output
    assert (closed.output, closed.exit_code) == ("1 letter(s) discarded\n", 0)
    assert (again.output, again.exit_code) == ("0 letter(s) discarded, 1 already were\n", 0)


async def test_an_event_is_shown_as_it_came(process: IngestProcess, tmp_path: Path) -> None:
    await process.until("/livez", lambda response: response.is_success)
    operator = Operator(process, tmp_path)
    now = {"time": utc_now().isoformat()}
    events = [http_measured(each, "7") | now for each in ("a", "b é?&")]
    await operator.send([*events, {}, http_measured("c", "7")])

    shown = await operator.run("show", "urn:test", "b é?&")
    late = await operator.run("show", "urn:test", "c")
    unknown = await operator.say("events", "show", "urn:test", "d")

    assert json.loads(base64.b64decode(shown["value_base64"])) == events[1]
    assert (shown["topic"], shown["offset"], shown["late"]) == ("http", 1, False)
    assert (late["offset"], late["late"]) == (3, True)
    assert unknown.exit_code == 1
    assert "no event d of urn:test is kept" in unknown.output


async def test_a_wrong_import_is_reverted_and_imported_anew(
    process: IngestProcess, tmp_path: Path
) -> None:
    await process.until("/livez", lambda response: response.is_success)
    operator = Operator(process, tmp_path)
    table = operator.write("hours.csv", TABLE)
    wrong = operator.write("wrong.yaml", MAPPING % "hours")
    right = operator.write("right.yaml", MAPPING % "{column: hours, factor: 60}")

    await operator.run("import", table, "--mapping", wrong, "--backfill", "one")
    assert await operator.sums() == ["1.5", "2"]
    reverted = await operator.run("revert", "--backfill", "one", "--reason", "hours, not minutes")
    assert await operator.sums() == []
    second = ("import", table, "--mapping", right, "--backfill", "two", "--supersede")
    await operator.run(*second)
    again = await operator.run(*second)

    assert reverted["changed"]
    assert again["duplicate"] == 2
    assert await operator.sums() == ["90", "120"]
    listed = await operator.run("backfills")
    assert [(each["backfill"], each["n_events"]) for each in listed] == [("one", 2), ("two", 2)]
    assert listed[0]["revert_reason"] == "local: hours, not minutes"
    # What the second import corrects comes back with the first, and stays corrected.
    assert (await operator.run("restore", "--backfill", "one", "--reason", "a test"))["changed"]
    assert await operator.sums() == ["90", "120"]


def _interrupted(environment: dict[str, str], *words: str, when: Path) -> tuple[int, str]:
    """Run a command, press Ctrl-C when a file is there; return its status and what it said."""
    running = subprocess.Popen(
        [sys.executable, "-c", _HEEDING_INTERRUPTS, *words],
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not when.exists() and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    return running.returncode, said


async def test_an_interrupted_import_goes_on_and_counts_every_row_once(
    process: IngestProcess, tmp_path: Path
) -> None:
    await process.until("/livez", lambda response: response.is_success)
    operator = Operator(process, tmp_path)
    rows = [
        f"line-1,2024-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02},1" for n in range(N_ROWS)
    ]
    table = operator.write("hours.csv", "\n".join(["line,day,hours", *rows]))
    words = ("import", table, "--mapping", operator.write("mapping.yaml", MAPPING % "hours"))
    sent_so_far = tmp_path / "hours.csv.sent.json"

    status, said = await asyncio.to_thread(
        _interrupted, operator.environment, "events", *words, when=sent_so_far
    )
    (before,) = await operator.sums()
    done = await operator.run(*words)

    assert (status, "interrupted: call again to go on from there" in said) == (130, True)
    assert 0 < done["resumed_after"] <= int(before) < N_ROWS
    # What was stored and whose answer did not arrive any more is sent again, and counts once.
    assert done["accepted"] + done.get("duplicate", 0) == N_ROWS
    assert await operator.sums() == [str(N_ROWS)]
    assert not sent_so_far.exists()


async def test_partitions_are_verified_resumed_and_rotated(
    process: IngestProcess, database_url: str, tmp_path: Path
) -> None:
    await process.until("/livez", lambda response: response.is_success)
    operator = Operator(process, tmp_path)
    await operator.send([http_measured("a", "1"), http_measured("b", "2")])

    verified = await operator.ask("ingest", "verify", "--topic", "http")
    (hashed,) = verified["partitions"]
    kept = await operator.ask("ingest", "verify", "--hash", hashed["head_hash"])
    lost = await operator.ask("ingest", "verify", "--hash", "0" * 64, status=1)
    connection = await asyncpg.connect(database_url)
    await connection.execute("set session_replication_role = replica")
    await connection.execute("delete from ingest.event_keys where event_id = 'b'")
    await connection.execute(
        "update ingest.partitions set state = 'halted', halt_reason = 'a test'"
    )
    await _begin_topic(connection, "topic")
    await connection.close()
    edited = await operator.ask("ingest", "verify", status=1)
    listed = await operator.ask("ingest", "partitions")
    resumed = await operator.ask("ingest", "resume", "--all", "--forget-tail")
    rotated = await operator.ask("ingest", "rotate", "topic", "--reason", "a test")
    after = await operator.ask("ingest", "partitions")

    assert (hashed["n_records"], hashed["n_faults"], kept["hash_lost"]) == (2, 0, False)
    assert lost["hash_lost"]
    (fault,) = edited["partitions"][0]["faults"]
    assert fault["row"] == f"http#1/{hashed['partition']} event @1 (urn:test b)"
    assert [each["halt_reason"] for each in listed] == ["a test", None]
    assert resumed["resumed"] == [{"topic": "http", "partition": hashed["partition"]}]
    assert rotated["topic"] == "topic"
    assert [(each["topic"], each["state"], each["closed"]) for each in after] == [
        ("http", "active", False), ("topic", "active", True),
    ]  # fmt: skip


async def _begin_topic(connection: asyncpg.Connection, topic: str) -> None:
    """Have a log as if a topic had been claimed and nothing read."""
    log_id = await connection.fetchval(
        "insert into ingest.logs (tenant_id, kind, topic, incarnation, identity) "
        "select tenant_id, 'kafka', $1, 1, '' from ingest.logs returning log_id",
        topic,
    )
    await connection.execute(
        'insert into ingest.partitions (tenant_id, log_id, "partition", next_offset, head_hash) '
        "select tenant_id, $1, 0, 0, $2 from ingest.logs where log_id = $1",
        log_id,
        bytes(32),
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("partitions --topic htp", "topic htp is not known; known are http"),
        ("verify --topic htp", "topic htp is not known; known are http"),
        ("resume --all htp", "topic htp is not known; known are http"),
        ("resume htp 0", "htp/0 is not known"),
        ("resume http 0", "http/0 is active, not halted"),
        ("rotate htp --reason x", "topic htp of acme has no open log that is read from Kafka"),
        # Requests are its records: it is no other log, whatever happens to a broker.
        ("rotate http --reason x", "topic http of acme has no open log that is read from Kafka"),
    ],
)
async def test_a_log_that_is_not_known_is_no_log_without_fault(
    process: IngestProcess, tmp_path: Path, call: str, said: str
) -> None:
    await process.until("/livez", lambda response: response.is_success)
    operator = Operator(process, tmp_path)
    await operator.send([http_measured("a", "1")])

    answer = await operator.say("ingest", *call.split())

    assert answer.exit_code == 1
    assert said in answer.output


async def test_a_day_that_is_wrong_is_named_and_mended_when_asked(
    process: IngestProcess, database_url: str, tmp_path: Path
) -> None:
    await process.until("/livez", lambda response: response.is_success)
    operator = Operator(process, tmp_path)
    await operator.send([http_measured("a", "1"), http_measured("b", "2", unit="line-2")])
    connection = await asyncpg.connect(database_url)

    right = await operator.say("ingest", "days")
    await connection.execute("update ingest.daily_statistics set sum = 7 where sum = 2")
    wrong = await operator.say("ingest", "days", "--kpi", "downtime")
    elsewhere = await operator.ask("ingest", "days", "--start", "2026-03-02")
    misspelt = await operator.say("ingest", "days", "--kpi", "downtme")
    still = await operator.ask("ingest", "days", "--end", "2026-03-02", status=1)
    mended = await operator.say("ingest", "days", "--mend")
    after = await operator.ask("ingest", "days")
    await connection.close()

    assert (right.output, right.exit_code) == ("2 days compared, 0 differ\n", 0)
    named = "downtime line-2 2026-03-01: sum {} 7, its measurements give 2\n"
    told = "2 days compared, 1 differ\n--mend derives them anew\n"
    assert (wrong.output, wrong.exit_code) == (named.format("is") + told, 1)
    assert (elsewhere["n_days"], still["n_differing"], still["mended"]) == (0, 1, False)
    assert (misspelt.exit_code, misspelt.stdout) == (1, "")
    assert "nothing was ever measured of 'downtme'" in misspelt.output
    assert mended.output == named.format("was") + "2 days compared, 1 derived anew\n"
    assert (after["n_days"], after["n_differing"], mended.exit_code) == (2, 0, 0)
