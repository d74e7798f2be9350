"""The Helm chart renders what Kubernetes accepts, and says what docker-compose.yml says."""

import functools
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import kubernetes_validate
import pytest
import yaml

from aivalue.runtime.settings import unknown_variables
from deploy import create_secrets
from tests.deploy.programs import ROOT, program, run
from tests.deploy.test_compose import COMPOSE, OWN, PORTS, settings_classes

CHART = ROOT / "deploy/helm/aivalue"
OLDEST_KUBERNETES, NEWEST_KUBERNETES = "1.27", "1.35"
NEEDED = ("database.host=db.example", "kafka.bootstrap=k1.example:9092\\,k2.example:9092")
EVERYTHING = (
    *NEEDED,
    "keda.enabled=true",
    "serviceMonitor.enabled=true",
    "serviceMonitor.labels.release=prometheus",
    "kafka.securityProtocol=SASL_SSL",
    "kafka.saslUsername=aivalue",
    "kafka.caSecretName=kafka-authority",
    "kafka.tenants.acme=acme.",
    "imagePullSecrets[0].name=registry",
    "image.registry=registry.example/team/",
    "nodeSelector.disk=fast",
    "environment.AIVALUE_LOG_FORMAT=console",
    "services.ingest.environment.AIVALUE_INGEST__HTTP_BYTES_MAX=2097152",
)  # fmt: skip
OF_OTHERS = {"ScaledObject", "ServiceMonitor"}  # known where their operators are installed
Manifest = Mapping[str, Any]


@functools.cache
def rendered(values: Sequence[str]) -> list[Manifest]:
    """Render the chart as Helm installs it."""
    settings = [each for value in values for each in ("--set", value)]
    done = subprocess.run(
        [program("helm"), "template", "aivalue", CHART, *settings],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def found(manifests: Sequence[Manifest], kind: str, name: str) -> Manifest:
    """Return the one manifest of a kind and name."""
    [manifest] = [
        each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return manifest


def container(manifest: Manifest) -> Manifest:
    """Return the one container of a deployment or job."""
    [only] = manifest["spec"]["template"]["spec"]["containers"]
    return dict(only)


def environment(manifest: Manifest) -> dict[str, str]:
    """Return the variables of the one container."""
    return {each["name"]: each["value"] for each in container(manifest)["env"]}


def secrets(manifest: Manifest) -> dict[str, str]:
    """Return which file in /run/secrets has which key of the secret."""
    [volume] = [
        each
        for each in manifest["spec"]["template"]["spec"]["volumes"]
        if each["name"] == "secrets"
    ]
    return {each["path"]: each["key"] for each in volume.get("secret", {}).get("items", [])}


@pytest.mark.parametrize("values", [NEEDED, EVERYTHING], ids=["least", "everything"])
def test_helm_finds_nothing_to_complain_about(values: Sequence[str]) -> None:
    run("helm", "lint", "--strict", CHART, *(f"--set={value}" for value in values))


@pytest.mark.parametrize("version", [OLDEST_KUBERNETES, NEWEST_KUBERNETES])
@pytest.mark.parametrize("values", [NEEDED, EVERYTHING], ids=["least", "everything"])
def test_kubernetes_accepts_every_manifest(values: Sequence[str], version: str) -> None:
    manifests = [each for each in rendered(values) if each["kind"] not in OF_OTHERS]

    assert len(manifests) > len(OWN) * 2
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("name", OWN)
def test_a_service_is_what_the_compose_file_says(name: str) -> None:
    manifests = rendered(NEEDED)
    deployment = found(manifests, "Deployment", f"aivalue-{name}")
    compose = COMPOSE["services"][name]
    expected = {key: str(value) for key, value in compose["environment"].items()} | {
        "AIVALUE_DATABASE__URL": f"postgresql://aivalue_{name}@db.example:5432/aivalue",
        "AIVALUE_KAFKA__BOOTSTRAP": "k1.example:9092,k2.example:9092",
        "AIVALUE_LOG_LEVEL": "INFO",
        **{f"AIVALUE_SERVICES__{n.upper()}": f"http://aivalue-{n}:{PORTS[n]}" for n in OWN},
    }

    assert expected.items() <= environment(deployment).items()
    assert secrets(deployment) == {
        each if isinstance(each, str) else each["target"]: (
            each if isinstance(each, str) else each["source"]
        )
        for each in compose["secrets"]
    }
    assert container(deployment)["image"].split(":")[0] == compose["image"].split(":")[0]
    service = found(manifests, "Service", f"aivalue-{name}")
    assert service["spec"]["ports"] == [{"name": "http", "port": PORTS[name], "targetPort": "http"}]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()


@pytest.mark.parametrize("name", OWN)
def test_a_job_migrates_as_the_compose_file_says(name: str) -> None:
    job = found(rendered(NEEDED), "Job", f"aivalue-migrate-{name}")
    compose = COMPOSE["services"][f"migrate-{name}"]

    assert container(job)["command"] == compose["command"]
    assert environment(job) == {
        "AIVALUE_DATABASE__URL": "postgresql://aivalue_migrations@db.example:5432/aivalue"
    }
    assert secrets(job) == {"aivalue_database__password": "migrations_database_password"}


def test_jobs_run_in_the_order_of_a_start() -> None:
    weight = {
        each["metadata"]["name"].removeprefix("aivalue-"): int(
            each["metadata"]["annotations"]["helm.sh/hook-weight"]
        )
        for each in rendered(NEEDED)
        if "helm.sh/hook" in each["metadata"].get("annotations", {})
    }

    migrations = {weight[f"migrate-{name}"] for name in OWN}
    assert weight["database-setup"] < weight["database-roles"] < min(migrations)
    assert max(migrations) < weight["database-privileges"]
    assert set(weight) - {"database-setup"} == {
        name for name, each in COMPOSE["services"].items() if each["restart"] == "no"
    }


def test_the_database_scripts_are_those_of_the_compose_file() -> None:
    held = found(rendered(NEEDED), "ConfigMap", "aivalue-database-setup")["data"]

    scripts = {each.name: each.read_text() for each in (ROOT / "deploy/postgres").iterdir()}
    assert {name: text.rstrip() for name, text in held.items()} == {
        name: text.rstrip() for name, text in scripts.items()
    }


def test_every_secret_is_one_that_the_script_makes() -> None:
    made = {*create_secrets.PASSWORDS, *create_secrets.ROLES, create_secrets.TOKENS}
    kinds = {"Deployment", "Job"}

    used = {
        key for each in rendered(NEEDED) if each["kind"] in kinds for key in secrets(each).values()
    }

    assert used <= made
    # Nothing but what is named is mounted: a secret without items would be mounted whole.
    topics = found(rendered(NEEDED), "Job", "aivalue-topics")["spec"]["template"]["spec"]
    assert not any("secret" in volume for volume in topics["volumes"])


@pytest.mark.parametrize("values", [NEEDED, EVERYTHING], ids=["least", "everything"])
def test_every_variable_is_one_that_a_program_reads(values: Sequence[str]) -> None:
    for manifest in rendered(values):
        if manifest["kind"] in {"Deployment", "Job"}:
            assert unknown_variables(settings_classes(), environment(manifest)) == []


@pytest.mark.parametrize("values", [NEEDED, EVERYTHING], ids=["least", "everything"])
def test_every_program_is_fenced(values: Sequence[str]) -> None:
    for manifest in rendered(values):
        if manifest["kind"] not in {"Deployment", "Job"}:
            continue
        pod, only = manifest["spec"]["template"]["spec"], container(manifest)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        # Kubernetes would set AIVALUE_PORT and the like for services of these names.
        assert pod["enableServiceLinks"] is False
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in only["resources"]["limits"]


def test_ingest_is_scaled_by_the_lag_of_every_tenant() -> None:
    manifests = rendered(EVERYTHING)
    scaled = found(manifests, "ScaledObject", "aivalue-ingest")["spec"]

    topics = [each["metadata"]["topic"] for each in scaled["triggers"]]
    assert topics == [
        "acme.aivalue.business.v1", "acme.aivalue.model.v1",
        "aivalue.business.v1", "aivalue.model.v1",
    ]  # fmt: skip
    # Two who set the number of replicas would fight.
    assert "replicas" not in found(manifests, "Deployment", "aivalue-ingest")["spec"]


def test_prometheus_looks_where_its_own_configuration_looks() -> None:
    written = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    jobs = {each["job_name"]: each for each in written["scrape_configs"]}

    for name in ("business", "services"):
        [endpoint] = found(rendered(EVERYTHING), "ServiceMonitor", f"aivalue-{name}")["spec"][
            "endpoints"
        ]
        job = jobs[f"aivalue-{name}"]
        assert endpoint["path"] == job.get("metrics_path", "/metrics")
        assert {"targetLabel": "job", "replacement": f"aivalue-{name}"} in endpoint["relabelings"]


def test_sasl_and_a_private_authority_reach_the_services_and_the_topics_job() -> None:
    manifests = rendered(EVERYTHING)

    for manifest in (
        found(manifests, "Deployment", "aivalue-ingest"),
        found(manifests, "Job", "aivalue-topics"),
    ):
        variables = environment(manifest)
        assert variables["AIVALUE_KAFKA__SASL_USERNAME"] == "aivalue"
        assert variables["AIVALUE_KAFKA__CA_FILE"] == "/run/kafka/ca.crt"
        assert {"aivalue_kafka__sasl_password": "kafka_sasl_password"}.items() <= (
            secrets(manifest).items()
        )
        mounts = {each["mountPath"] for each in container(manifest)["volumeMounts"]}
        assert "/run/kafka" in mounts
    ingest = environment(found(manifests, "Deployment", "aivalue-ingest"))
    # Seven digits are not written as 2.097152e+06.
    assert ingest["AIVALUE_INGEST__HTTP_BYTES_MAX"] == "2097152"


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("database.host=", "database.host"),
        ("kafka.bootstrap=k1.example", "kafka.bootstrap"),
        ("kafka.securityProtocol=TLS", "kafka.securityProtocol"),
        ("image.registry=registry.example", "image.registry"),
        ("services.ingest.replica=3", "services.ingest"),
        ("environment.LOG_LEVEL=DEBUG", "environment"),
    ],
)
def test_a_wrong_value_is_refused_by_name(value: str, named: str) -> None:
    settings = [each for item in (*NEEDED, value) for each in ("--set", item)]

    done = subprocess.run(
        [program("helm"), "template", "aivalue", CHART, *settings],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode != 0
    assert named.replace(".", "/") in done.stderr.replace(".", "/")
