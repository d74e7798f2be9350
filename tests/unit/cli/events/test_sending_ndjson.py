"""Files of CloudEvents are checked whole, sent in batches, and taken up where they stopped."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from aivalue.cli.events.checkpoint import Checkpoint
from aivalue.cli.events.delivery import DeliveryInterrupted, Result, deliver
from aivalue.cli.events.http_sender import ATTEMPTS, HttpSender
from aivalue.cli.events.ndjson import prepare_ndjson
from aivalue.cli.events.prepared import Line, UnreadableEvents
from aivalue.cli.service_calls import CallFailed

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def event(number: int, **changed: object) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "urn:test",
        "type": "aivalue.measurement.recorded.v1",
        "time": "2024-01-01T00:00:00Z",
        "data": {"kpi": "downtime", "unit": "line-1", "value": str(number)},
    } | changed


def write(path: Path, lines: Sequence[object]) -> Path:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("\n".join(texts) + "\n")
    return path


class Recorder:
    """Accepts everything until the batch at which it is told to fail."""

    target = "http://ingest"

    def __init__(self, *, fails_at: int = -1) -> None:
        self.batches: list[list[Line]] = []
        self._fails_at = fails_at

    async def send(self, lines: Sequence[Line]) -> list[Result]:
        if len(self.batches) == self._fails_at:
            raise CallFailed("http://ingest does not answer")
        self.batches.append(list(lines))
        return [Result(status="accepted") for _ in lines]


def test_every_line_that_is_no_event_is_named_with_its_place(tmp_path: Path) -> None:
    lines = [event(1), "{", event(3, time="2024-01-01T00:00:00"), event(4, type="x"), event(5)]
    file = write(tmp_path / "e.ndjson", lines)

    with pytest.raises(UnreadableEvents) as refused:
        prepare_ndjson(file, now=NOW)

    assert refused.value.n_problems == 3
    assert refused.value.n_lines == 5
    assert refused.value.shown[1:] == (
        f"{file}:3: $.time: time must be RFC 3339 with an offset, got '2024-01-01T00:00:00'",
        f"{file}:4: $.type: attribute type 'x' is not known",
    )
    assert refused.value.shown[0].startswith(f"{file}:2: $: ")


def test_only_the_first_twenty_problems_are_put_in_words(tmp_path: Path) -> None:
    file = write(tmp_path / "e.ndjson", ["nonsense"] * 50)

    with pytest.raises(UnreadableEvents, match=r"50 problem\(s\) in 50 line\(s\)") as refused:
        prepare_ndjson(file, now=NOW)

    assert len(refused.value.shown) == 20


def test_one_id_with_two_meanings_is_refused_and_a_repeated_line_is_not(tmp_path: Path) -> None:
    file = write(tmp_path / "e.ndjson", [event(1), event(1), event(2, id="e-1")])

    with pytest.raises(UnreadableEvents) as refused:
        prepare_ndjson(file, now=NOW)

    assert refused.value.shown == (
        f"{file}:3: $.id: 'e-1' stands on line 1 too and says something else there",
    )
    assert prepare_ndjson(write(file, [event(1), event(1)]), now=NOW).n_repeated == 1
    said = {"kpi": "downtime", "unit": "line-1", "value": "1.000"}
    in_other_digits = write(file, [event(1), event(1, data=said)])
    assert prepare_ndjson(in_other_digits, now=NOW).n_repeated == 1


async def test_where_nothing_can_be_written_beside_the_file_it_is_sent_all_the_same(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / "e.ndjson", [event(1)])
    # As on a volume that may only be read.
    (tmp_path / "e.ndjson.sent.json.new").mkdir()
    prepared = prepare_ndjson(file, now=NOW)

    summary = await deliver(prepared, Recorder(), checkpoint=Checkpoint(file))

    assert summary.counts == {"accepted": 1}


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableEvents) as refused:
        prepare_ndjson(write(tmp_path / "e.ndjson", ["", " "]), now=NOW)

    assert refused.value.shown == (f"{tmp_path}/e.ndjson:1: the file holds no event",)


def test_without_check_only_json_is_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path / "e.ndjson", [event(1, type="x"), event(2)])

    prepared = prepare_ndjson(file, now=NOW, check=False)

    assert prepared.n_events == 2
    with pytest.raises(UnreadableEvents):
        prepare_ndjson(write(file, ["{"]), now=NOW, check=False)


async def test_a_delivery_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    file = write(tmp_path / "e.ndjson", [event(number) for number in range(2_500)])
    prepared = prepare_ndjson(file, now=NOW)
    checkpoint = Checkpoint(file)

    with pytest.raises(DeliveryInterrupted, match="1000 of 2500 events were sent"):
        await deliver(prepared, Recorder(fails_at=1), checkpoint=checkpoint)
    second = Recorder()
    summary = await deliver(prepared, second, checkpoint=checkpoint)

    assert [len(batch) for batch in second.batches] == [1_000, 500]
    assert second.batches[0][0].number == 1_001
    assert summary.n_resumed == 1_000
    assert summary.counts == {"accepted": 2_500}
    assert not checkpoint.path.exists()


class OutOfOrder:
    """Answers a batch only once a later one was answered, or failed."""

    target = "http://ingest"

    def __init__(self, *, second_fails: bool) -> None:
        self._second_fails = second_fails
        self._second = asyncio.Event()

    async def send(self, lines: Sequence[Line]) -> list[Result]:
        if lines[0].number == 1:
            await self._second.wait()
        else:
            self._second.set()
            if self._second_fails:
                raise CallFailed("http://ingest does not answer")
        return [Result(status="accepted") for _ in lines]


async def test_batches_are_counted_in_their_order_however_they_are_answered(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / "e.ndjson", [event(number) for number in range(2_500)])
    advanced: list[int] = []

    summary = await deliver(
        prepare_ndjson(file, now=NOW), OutOfOrder(second_fails=False),
        checkpoint=Checkpoint(file), advance=advanced.append,
    )  # fmt: skip

    assert summary.counts == {"accepted": 2_500}
    assert advanced == [0, 1_000, 1_000, 500]


async def test_what_was_answered_before_a_failure_is_sent_even_if_the_failure_came_first(
    tmp_path: Path,
) -> None:
    file = write(tmp_path / "e.ndjson", [event(number) for number in range(2_500)])
    prepared, checkpoint = prepare_ndjson(file, now=NOW), Checkpoint(file)

    with pytest.raises(DeliveryInterrupted, match="1000 of 2500 events were sent"):
        await deliver(prepared, OutOfOrder(second_fails=True), checkpoint=checkpoint)

    assert (await deliver(prepared, Recorder(), checkpoint=checkpoint)).n_resumed == 1_000


async def test_a_file_that_changed_meanwhile_is_sent_from_its_start(tmp_path: Path) -> None:
    file = write(tmp_path / "e.ndjson", [event(number) for number in range(1_500)])
    with pytest.raises(DeliveryInterrupted):
        await deliver(
            prepare_ndjson(file, now=NOW), Recorder(fails_at=1), checkpoint=Checkpoint(file)
        )
    write(file, [event(number) for number in range(1_501)])

    summary = await deliver(prepare_ndjson(file, now=NOW), Recorder(), checkpoint=Checkpoint(file))

    assert summary.n_resumed == 0
    assert summary.counts == {"accepted": 1_501}


async def test_a_batch_too_large_for_the_service_is_halved_until_it_fits() -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        items = json.loads(request.content)
        sizes.append(len(items))
        if len(items) > 2 or any(each["id"] == "e-6" for each in items):
            return httpx.Response(413, text="too large")
        results = [
            {"index": at, "id": each["id"], "status": "accepted"} for at, each in enumerate(items)
        ]
        return httpx.Response(200, json={"results": results})

    lines = [Line(number=n, value=json.dumps(event(n)).encode()) for n in range(7)]
    async with client_of(answer) as client:
        results = await HttpSender(client).send(lines)

    assert [each.status for each in results] == ["accepted"] * 6 + ["rejected"]
    assert results[6].reason == "too_large"
    assert sizes == [7, 3, 1, 2, 4, 2, 2, 1, 1]


async def test_a_busy_service_is_asked_again_and_a_refusal_is_final() -> None:
    answers = [
        httpx.Response(429, headers={"retry-after": "0"}),
        httpx.Response(503),
        httpx.Response(200, json={"results": [{"index": 0, "id": "e", "status": "duplicate"}]}),
        httpx.Response(401, text="who are you?"),
    ]
    line = [Line(number=1, value=b"{}")]

    async with client_of(lambda _: answers.pop(0)) as client:
        sender = HttpSender(client, wait_seconds=0)
        results = await sender.send(line)
        with pytest.raises(CallFailed, match="answered 401 with text/plain: who are you"):
            await sender.send(line)

    assert [each.status for each in results] == ["duplicate"]


async def test_a_service_that_stays_away_ends_the_call() -> None:
    calls = 0

    def refuse(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        raise httpx.ConnectError("refused", request=request)

    async with client_of(refuse) as client:
        with pytest.raises(CallFailed, match=r"does not answer \(ConnectError\)"):
            await HttpSender(client, wait_seconds=0).send([Line(number=1, value=b"{}")])

    assert calls == ATTEMPTS


def client_of(answer: object) -> httpx.AsyncClient:
    transport = httpx.MockTransport(answer)  # type: ignore[arg-type]  # lambdas and functions
    return httpx.AsyncClient(transport=transport, base_url="http://ingest")
