"""Prometheus and Alertmanager accept their files, and the rules do what they say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.generate import CURRENCY, generated_files
from services.reporting.catalogue import business_families
from tests.deploy.exported import exported_names
from tests.deploy.programs import ROOT, run
from tests.deploy.queries import metric_names

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"


@pytest.mark.prometheus
def test_prometheus_accepts_its_configuration() -> None:
    run("promtool", "check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
@pytest.mark.prometheus
def test_prometheus_accepts_the_rules(path: Path) -> None:
    run("promtool", "check", "rules", path)


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
@pytest.mark.prometheus
def test_the_rules_do_what_their_tests_say(path: Path) -> None:
    tests = sorted((PROMETHEUS / "tests").glob(f"{path.stem}*.yml"))

    said = run("promtool", "test", "rules", *tests)

    assert "SUCCESS" in said
    tested = "".join(each.read_text() for each in tests)
    untested = {
        name
        for rule in rules_of(path)
        if (name := rule.get("alert") or rule["record"]) not in tested
    }
    # A rate of requests, nothing of our own.
    assert untested <= {"job_route:http_server_request_duration_seconds_count:rate5m"}


def test_generated_files_are_up_to_date() -> None:
    for path, content in generated_files(CURRENCY).items():
        name = path.relative_to(ROOT)
        assert path.exists(), f"{name} is missing: python -m deploy.generate"
        assert path.read_text() == content, f"{name} is out of date: python -m deploy.generate"


@pytest.mark.prometheus
def test_the_rules_hold_in_another_currency(tmp_path: Path) -> None:
    for path, content in generated_files("EUR").items():
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(content)

    run("promtool", "test", "rules", tmp_path / "deploy/prometheus/tests/business.yml")


def test_every_metric_that_a_rule_reads_is_exported() -> None:
    rules = [rule for path in RULE_FILES for rule in rules_of(path)]
    known = exported_names(CURRENCY) | {rule["record"] for rule in rules if "record" in rule}

    for rule in rules:
        assert metric_names(rule["expr"]) <= known, rule


def test_every_alert_names_its_audience_and_severity() -> None:
    routes = yaml.safe_load(ALERTMANAGER.read_text())
    receivers = {receiver["name"] for receiver in routes["receivers"]}

    for rule in (rule for path in RULE_FILES for rule in rules_of(path) if "alert" in rule):
        assert rule["labels"]["severity"] in {"info", "warning", "page"}
        assert rule["labels"]["audience"] in receivers
        assert rule["annotations"]["summary"]


@pytest.mark.prometheus
def test_alertmanager_accepts_its_configuration_and_routes_by_audience() -> None:
    run("amtool", "check-config", ALERTMANAGER)
    for audience in ("business", "platform"):
        said = run(
            "amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}",
            f"--verify.receivers={audience}", f"audience={audience}",
        )  # fmt: skip
        assert audience in said


def test_the_scrape_targets_are_the_services_of_the_compose_file() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    jobs = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    targets = {
        target for job in jobs for each in job["static_configs"] for target in each["targets"]
    }

    assert targets == {
        f"{name}:{compose[name]['environment']['AIVALUE_PORT']}"
        for name in ("ingest", "baseline", "attribution", "reporting")
    }


@pytest.mark.prometheus
def test_the_catalogue_follows_the_naming_rules() -> None:
    families = business_families(["USD", "EUR"])
    exposition = "".join(
        f"# HELP {each.name} {each.help}\n# TYPE {each.name} gauge\n"
        f"{each.name}{{{labels(each.labels)}}} 1\n"
        for each in families
    )

    run("promtool", "check", "metrics", stdin=exposition)

    assert len({each.name for each in families}) == len(families)
    assert all(each.help.endswith(".") for each in families)
    for each in families:
        if "_lower_" in each.name and "_lower_bound_" not in each.name:
            assert {each.name.replace("_lower_", bound) for bound in ("_", "_upper_")} <= {
                other.name for other in families
            }


def labels(names: tuple[str, ...]) -> str:
    return ",".join(f'{name}="v"' for name in names)


def rules_of(path: Path) -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(path.read_text())["groups"]:
        yield from group["rules"]
