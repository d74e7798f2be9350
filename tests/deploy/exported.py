"""Names of everything the programs export, for checks of what refers to them."""

import importlib
from collections.abc import Iterator

from prometheus_client import REGISTRY

from services.reporting.catalogue import business_families
from tests.deploy.programs import ROOT

SERVICES = ("ingest", "baseline", "attribution", "reporting")
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}


def exported_names(currency: str) -> set[str]:
    """Every series name: the business catalogue, the services' own metrics, and Prometheus's."""
    business = {family.name for family in business_families([currency])}
    return business | set(_process_names()) | {"up"}


def _process_names() -> Iterator[str]:
    importlib.import_module("aivalue.runtime.telemetry")
    for service in SERVICES:
        if (ROOT / "services" / service / "metrics.py").exists():
            importlib.import_module(f"services.{service}.metrics")
    for family in REGISTRY.collect():
        yield from (family.name + suffix for suffix in _SUFFIXES.get(family.type, ("",)))
