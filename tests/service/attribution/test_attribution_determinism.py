"""The same inputs give the same bytes: in every repetition, order and process."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx

from aivalue.kpis.canonical import canonical_bytes
from aivalue.money.valuation_rule import ValuationRule
from aivalue.runtime.http_client import ServiceClient
from aivalue.runtime.settings import AuthSettings
from services.attribution.decide import decide
from services.attribution.inputs import Inputs, PricedBy
from services.attribution.load import Peers, load_inputs
from tests.integration.attribution import world

REPETITIONS = 20
ROOT = Path(__file__).parents[3]
RULE = ValuationRule.model_validate({"key": world.RULE["key"], **world.RULE["body"]})


async def inputs_of(peers: world.Peers) -> Inputs:
    auth = AuthSettings(mode="open")
    return await load_inputs(
        Peers(
            ingest=ServiceClient(
                "ingest", "http://i", auth, transport=httpx.MockTransport(peers.ingest)
            ),
            baseline=ServiceClient(
                "baseline", "http://b", auth, transport=httpx.MockTransport(peers.baseline)
            ),
        ),
        tenant="t",
        initiative=world.INITIATIVE,
        rules=[PricedBy(rule=RULE, version=1, sha256="0" * 64, body={"key": RULE.key})],
        scopes_max=50,
        snapshot_attempts=1,
    )


def programme() -> world.Peers:
    peers = world.Peers()
    peers.freeze()
    peers.costs = [
        world.cost(number, month=month, amount="100.10") for number, month in ((1, 2), (2, 3))
    ]
    return peers


async def hashes() -> tuple[str, str]:
    inputs = await inputs_of(programme())
    digest = hashlib.sha256(canonical_bytes(inputs.document())).hexdigest()
    return digest, decide(inputs).sha256


async def test_twenty_runs_give_one_output() -> None:
    inputs = await inputs_of(programme())

    digests = {decide(inputs).sha256 for _ in range(REPETITIONS)}

    assert len(digests) == 1


async def test_what_keeps_several_rules_from_a_price_is_said_once() -> None:
    peers = programme()
    peers.interventions = []
    inputs = await inputs_of(peers)
    again = replace(inputs.rules[0], rule=RULE.model_copy(update={"key": "overtime"}))

    value = decide(replace(inputs, rules=(*inputs.rules, again))).value

    assert len(value.unpriced) == 2
    assert value.reason == value.unpriced[0].reason


async def test_another_process_with_another_hash_seed_gives_the_same_output() -> None:
    here = await hashes()

    elsewhere = {seed: _in_a_process(seed) for seed in ("1", "4242")}

    assert elsewhere == dict.fromkeys(elsewhere, here)


async def test_the_order_of_definitions_and_interventions_is_not_an_input() -> None:
    before = await inputs_of(programme())
    shuffled = programme()
    shuffled.interventions.reverse()
    shuffled.costs.reverse()
    shuffled.programme["processes"].reverse()

    after = await inputs_of(shuffled)

    assert after.document() == before.document()
    assert decide(after).outputs == decide(before).outputs


async def test_numbers_come_back_from_the_outputs_as_they_were() -> None:
    outcome = decide(await inputs_of(programme()))

    assert canonical_bytes(json.loads(outcome.outputs)) == outcome.outputs


def _in_a_process(hash_seed: str) -> tuple[str, str]:
    program = (
        "import asyncio; from tests.service.attribution.test_attribution_determinism import hashes;"
        "print(*asyncio.run(hashes()))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    first, second = finished.stdout.split()
    return first, second
