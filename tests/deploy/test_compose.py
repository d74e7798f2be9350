"""docker-compose.yml is valid, and everything it refers to exists."""

import importlib
import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic_settings import BaseSettings

from aivalue.runtime.settings import RuntimeSettings, unknown_variables
from deploy import create_secrets
from tests.deploy.programs import ROOT

COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: Mapping[str, Any] = COMPOSE["services"]
OWN = ("ingest", "baseline", "attribution", "reporting")
PORTS = {"ingest": 8101, "baseline": 8102, "attribution": 8103, "reporting": 8104}


def test_the_file_obeys_the_compose_specification() -> None:
    schema = json.loads((ROOT / "tests/deploy/compose-spec/compose-spec.json").read_text())

    jsonschema.Draft202012Validator.check_schema(schema)
    errors = jsonschema.Draft202012Validator(schema).iter_errors(COMPOSE)

    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_refers_to_is_declared(name: str) -> None:
    service = SERVICES[name]
    secrets = {
        each if isinstance(each, str) else each["source"] for each in service.get("secrets", [])
    }
    mounts = [each.split(":")[0] for each in service.get("volumes", [])]

    assert set(service.get("depends_on", {})) <= set(SERVICES)
    assert secrets <= set(COMPOSE["secrets"])
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    assert {each for each in mounts if not each.startswith(".")} <= set(COMPOSE["volumes"])
    for path in mounts:
        if path.startswith("."):
            assert (ROOT / path).is_dir(), f"{name} mounts {path}"


@pytest.mark.parametrize("name", SERVICES)
def test_a_condition_can_be_met(name: str) -> None:
    for dependency, requirement in SERVICES[name].get("depends_on", {}).items():
        depended = SERVICES[dependency]
        match requirement["condition"]:
            case "service_healthy":
                assert "healthcheck" in depended, f"{name} waits for the health of {dependency}"
            case "service_completed_successfully":
                assert depended["restart"] == "no", f"{dependency} never completes"
        needed = set(depended.get("profiles", []))
        assert needed <= set(SERVICES[name].get("profiles", [])), f"{dependency} may be left out"


@pytest.mark.parametrize("name", SERVICES)
def test_every_program_is_fenced(name: str) -> None:
    service = SERVICES[name]

    assert "no-new-privileges:true" in service["security_opt"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "privileged" not in service
    if name not in {"kafka", "postgres"}:  # servers that write beside their volumes
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
    if service["restart"] != "no":
        assert "limits" in service["deploy"]["resources"]
    image = service["image"]
    assert ":" in image, f"{image} names no version"
    assert not image.endswith(":latest")


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_one_that_a_program_reads(name: str) -> None:
    environment = {key: str(value) for key, value in SERVICES[name].get("environment", {}).items()}

    assert unknown_variables(settings_classes(), environment) == []


@pytest.mark.parametrize("name", OWN)
def test_a_service_gets_its_own_role_secrets_port_and_image(name: str) -> None:
    service = SERVICES[name]
    secrets = {each["target"]: each["source"] for each in service["secrets"] if "target" in each}

    assert service["build"]["args"] == {"SERVICE": name}
    assert service["environment"]["AIVALUE_DATABASE__URL"].startswith(
        f"postgresql://aivalue_{name}@postgres:"
    )
    # A file named like the variable in lower case is where the settings look.
    assert secrets == {
        "aivalue_auth__service_token": f"{name}_token",
        "aivalue_database__password": f"{name}_database_password",
    }
    assert service["environment"]["AIVALUE_PORT"] == PORTS[name]
    assert service["ports"] == [f"127.0.0.1:{PORTS[name]}:{PORTS[name]}"]
    address = service["environment"][f"AIVALUE_SERVICES__{name.upper()}"]
    assert address == f"http://{name}:{PORTS[name]}"
    assert SERVICES[f"migrate-{name}"]["command"][-1] == name


def test_no_secret_stands_in_the_file_and_the_script_makes_every_one() -> None:
    made = {*create_secrets.PASSWORDS, *create_secrets.ROLES, create_secrets.TOKENS}
    files = {each["file"].removeprefix("./deploy/secrets/") for each in COMPOSE["secrets"].values()}
    used = {
        each if isinstance(each, str) else each["source"]
        for service in SERVICES.values()
        for each in service.get("secrets", [])
    }

    assert files | {"administrator_token"} == made
    assert used == set(COMPOSE["secrets"])
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"(?i)(password|token)[A-Z_]*: ['\"]?\w{8,}$", text, re.MULTILINE)


def settings_classes() -> list[type[BaseSettings]]:
    """Find the settings of every service; a service without any of its own has the shared ones."""
    found: list[type[BaseSettings]] = [RuntimeSettings]
    for service in OWN:
        if (ROOT / "services" / service / "settings.py").exists():
            module = importlib.import_module(f"services.{service}.settings")
            found += [
                each
                for each in vars(module).values()
                if isinstance(each, type) and issubclass(each, RuntimeSettings)
            ]
    return found
