"""A real Prometheus scrapes the service as production configures it, and the dashboard has data."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
import yaml
from fastapi import FastAPI

from aivalue.runtime.auth import digest_of
from aivalue.runtime.embedded.process import Server, free_port
from aivalue.runtime.settings import AuthSettings, KafkaSettings
from services.reporting.settings import ReportingSettings
from tests.deploy.programs import ROOT, program, run
from tests.deploy.queries import with_values
from tests.service.reporting.harness import Service, service_of
from tests.service.reporting.world import TENANT, Peers

pytestmark = pytest.mark.prometheus
DASHBOARD = ROOT / "deploy/grafana/provisioning/dashboards/json/executive.json"
VARIABLES = {"tenant": ".*", "use_case": ".+", "focus": "maintenance", "kpi": "downtime"}
TOKEN = "av_prometheus"  # noqa: S105 - of a server that lives as long as the test


@pytest.fixture
async def service(
    migrated: ReportingSettings, peers: Peers, tmp_path: Path
) -> AsyncIterator[Service]:
    tokens = tmp_path / "tokens.json"
    holder = {"sha256": digest_of(TOKEN), "tenant": TENANT, "subject": "p", "roles": ["reader"]}
    tokens.write_text(json.dumps([holder]))
    guarded = migrated.model_copy(
        update={
            "auth": AuthSettings(mode="tokens", tokens_file=tokens),
            "kafka": KafkaSettings(tenants={TENANT: ""}),
        }
    )
    async with service_of(peers, guarded) as running:
        await running.refresh()
        yield running


async def test_every_panel_of_the_dashboard_has_data(service: Service, tmp_path: Path) -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    queries = {
        (panel["title"], target["refId"]): with_values(target["expr"], VARIABLES)
        for panel in dashboard["panels"]
        for target in panel["targets"]
    } | {
        (each["name"], ""): with_values(each["expr"], VARIABLES)
        for each in dashboard["annotations"]["list"]
    }

    async with served(service.app) as port, prometheus(port, tmp_path) as client:
        await until_scraped(client)
        empty = [(place, expr) for place, expr in queries.items() if not await answer(client, expr)]
        net = await answer(client, "sum(aivalue_net_value_usd)")
        labels = (await answer(client, "aivalue_effect_ratio"))[0]["metric"]

    assert empty == []
    # 5,000 - 1,000 and -300 - 500.
    assert float(net[0]["value"][1]) == 3_200
    assert "instance" not in labels, "a figure belongs to no replica"


async def test_the_recording_rules_compute_totals_from_what_is_scraped(
    service: Service, tmp_path: Path
) -> None:
    async with served(service.app) as port, prometheus(port, tmp_path) as client:
        await until_scraped(client)
        roi = await eventually(client, "tenant:aivalue_roi:ratio")
        lower = await eventually(client, "tenant:aivalue_net_value_lower_usd:normal_sum")

    # Net 3,200 over costs of 1,000, 500 and 40; half-widths of 200 each.
    assert float(roi[0]["value"][1]) == pytest.approx(3_200 / 1_540)
    assert float(lower[0]["value"][1]) == pytest.approx(3_200 - (2 * 200**2) ** 0.5)


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[int]:
    """Serve the application on a port; its lifespan does not run."""
    port = free_port()
    config = uvicorn.Config(app, port=port, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    task = asyncio.ensure_future(server.serve())
    try:
        yield port
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def prometheus(target: int, directory: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Run Prometheus with the committed configuration and rules, on one target."""
    configure(target, directory)
    port = free_port()
    server = Server(
        "Prometheus",
        [
            program("prometheus"),
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        log=directory / "log",
        environment={"PATH": "/usr/bin"},
    )
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False
        ) as client:
            async with asyncio.timeout(60):
                while not await is_ready(client):  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(0.1)
            yield client
    finally:
        server.stop()


def configure(target: int, directory: Path) -> None:
    """Write the committed configuration with addresses and the pace changed."""
    (directory / "token").write_text(TOKEN + "\n")
    configuration = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    del configuration["alerting"]
    configuration["global"] |= {"evaluation_interval": "1s"}
    configuration["rule_files"] = ["rules/*.yml"]
    (directory / "rules").mkdir()
    for path in (ROOT / "deploy/prometheus/rules").glob("*.yml"):
        rules = yaml.safe_load(path.read_text())
        for group in rules["groups"]:
            group.pop("interval", None)
        (directory / "rules" / path.name).write_text(yaml.safe_dump(rules))
    for job in configuration["scrape_configs"]:
        job |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
        job["static_configs"] = [{"targets": [f"127.0.0.1:{target}"]}]
        if "authorization" in job:
            job["authorization"] = {"credentials_file": str(directory / "token")}
    (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    run("promtool", "check", "config", directory / "prometheus.yml")


async def is_ready(client: httpx.AsyncClient) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await client.get("/-/ready")).is_success
    return False


async def answer(client: httpx.AsyncClient, expr: str) -> list[Any]:
    response = await client.get("/api/v1/query", params={"query": expr})
    body = response.json()
    assert body["status"] == "success", (expr, body)
    found: list[Any] = body["data"]["result"]
    return found


async def eventually(client: httpx.AsyncClient, expr: str) -> list[Any]:
    """Ask, for at most a minute, until there is data."""
    async with asyncio.timeout(60):
        while True:
            found = await answer(client, expr)
            if found:
                return found
            await asyncio.sleep(0.2)


async def until_scraped(client: httpx.AsyncClient) -> None:
    """Wait for both jobs; one that fails says why."""
    async with asyncio.timeout(60):
        while True:
            targets = (await client.get("/api/v1/targets")).json()["data"]["activeTargets"]
            assert not [each for each in targets if each["health"] == "down"], targets
            if targets and all(each["health"] == "up" for each in targets):
                return
            await asyncio.sleep(0.2)
