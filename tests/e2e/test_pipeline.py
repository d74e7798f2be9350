"""From events to a finance figure: right, the same again, and nothing left out."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from aivalue.cli.demo.case import Addressed
from aivalue.events.encode import CONTENT_TYPE, STRUCTURED, Message
from aivalue.events.topics import BUSINESS
from aivalue.runtime.stack import Stack
from tests.e2e import programme
from tests.e2e.system import (
    eventually,
    get,
    proof,
    send_all,
    series,
    sums,
    wait_counted,
)

# In the middle of good neighbours: no kpi, not JSON, NaN, an unknown field.
_MALFORMED = {
    b'{"specversion":"1.0","id":"bad-1","source":"urn:test","time":"2025-01-01T00:00:00Z",'
    b'"type":"aivalue.measurement.recorded.v1","data":{"unit":"team-00","value":"1"}}': "schema",
    b"not json at all": "",
    b'{"specversion":"1.0","id":"bad-3","source":"urn:test","time":"2025-01-01T00:00:00Z",'
    b'"type":"aivalue.measurement.recorded.v1","data":{"kpi":"handle-time","unit":"team-00",'
    b'"value":NaN}}': "",
}


def _with_malformed(events: Iterator[Addressed]) -> Iterator[Addressed]:
    headers = [(CONTENT_TYPE, STRUCTURED)]
    bad = [Addressed(BUSINESS, Message(key=b"x", value=v, headers=headers)) for v in _MALFORMED]
    for number, event in enumerate(events):
        if number % 100 == 50 and bad:
            yield bad.pop()
        yield event


@pytest.fixture(scope="module")
def filled(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Define the small programme and have its events counted."""
    from typer.testing import CliRunner

    from aivalue.cli.main import app

    definitions = programme.write_definitions(tmp_path_factory.mktemp("definitions"))
    environment = {k: v for k, v in stack.environment.items() if k.startswith("AIVALUE_")}
    applied = CliRunner().invoke(app, ["apply", "-f", str(definitions), "--yes"], env=environment)
    assert applied.exit_code == 0, applied.output
    wait_counted(stack, send_all(stack, _with_malformed(programme.events())))
    return stack


def test_every_event_is_counted_once_beside_malformed_ones(filled: Stack) -> None:
    assert sums(series(filled, "handle-time")) == programme.expected()


def test_a_malformed_event_is_kept_with_its_reason(filled: Stack) -> None:
    letters = get(filled, "ingest", "/v1/dead-letters")["dead_letters"]

    assert len(letters) == len(_MALFORMED)
    assert all(letter["reason"] for letter in letters)


def test_the_effect_is_found_and_priced(filled: Stack) -> None:
    found = proof(filled)

    effect = found.effects["handle-time"]
    average = effect["average"]
    assert average["low"] <= programme.EFFECT <= average["high"]
    assert average["high"] < 0
    assert effect["verdict"] == "confirmed"
    # Frozen today, long after go-live: never more than C.
    assert (effect["grade"], effect["baseline"]["reconstructed"]) == ("C", True)
    # 0.75 EUR a minute on one measured case per treated team and day of 135 days.
    treated_days = len(programme.TREATED) * (programme.DAYS - 366)
    benefit = float(found.value["value"]["benefit"]["point"])
    assert benefit == pytest.approx(-average["point"] * treated_days * 0.75, abs=0.01)
    assert found.value["priced"] is True


def test_running_again_is_the_same_run(filled: Stack) -> None:
    first, second = proof(filled), proof(filled)

    assert first.run["run_id"] == second.run["run_id"]
    assert first.run["output_hash"] == second.run["output_hash"]


def test_replaying_everything_changes_nothing_byte_for_byte(filled: Stack) -> None:
    before = series(filled, "handle-time")
    proven = proof(filled)

    wait_counted(filled, send_all(filled, programme.events()))

    assert json.dumps(series(filled, "handle-time")) == json.dumps(before)
    again = proof(filled)
    assert again.run["run_id"] == proven.run["run_id"]
    assert again.value == proven.value


def test_a_number_explains_itself(filled: Stack) -> None:
    found = proof(filled)

    told = get(filled, "attribution", f"/v1/runs/{found.run['run_id']}")

    assert (
        told["inputs"]["baselines"]["handle-time"]["sha256"]
        == (found.baselines["handle-time"]["sha256"])
    )
    assert told["inputs"]["series"]["handle-time"]["sha256"]
    effect = told["outputs"]["effects"][0]
    assert (effect["estimator"], effect["estimator_version"]) == ("difference_in_differences", "3")
    assert effect["alternatives"]
    assert told["snapshots"]


def test_reporting_shows_the_run_and_prometheus_reads_it(filled: Stack) -> None:
    run = proof(filled).run["run_id"]

    def shows_it() -> None:
        summary = get(filled, "reporting", f"/v1/initiatives/{programme.INITIATIVE}/summary")
        assert not summary["stale"]
        assert summary["initiative"]["run_id"] == run

    eventually(shows_it)
    exposition = httpx.get(filled.url("reporting") + "/metrics/business", trust_env=False).text
    assert f'use_case="{programme.INITIATIVE}"' in exposition
    assert "aivalue_effect_ratio" in exposition


def test_a_late_event_recomputes_by_itself(filled: Stack, tmp_path: Path) -> None:
    run = proof(filled).run["run_id"]
    late = next(
        event
        for event in programme.events(namespace="urn:late")
        if b'"kpi"' in event.message.value and b"2025-03-01" in event.message.value
    )

    wait_counted(filled, send_all(filled, iter([late])))

    def recomputed() -> None:
        runs = get(filled, "attribution", "/v1/runs", initiative=programme.INITIATIVE)["runs"]
        assert runs[0]["run_id"] != run
        assert runs[0]["reason"] == "recompute"

    eventually(recomputed)
