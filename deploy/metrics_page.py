"""docs/metrics.md: every metric that the programs export, from the code that exports it."""

import importlib.util
from collections.abc import Iterator, Sequence
from types import ModuleType

from prometheus_client.metrics import MetricWrapperBase

from services.reporting.catalogue import business_families

Row = tuple[str, str, Sequence[str], str]
SERVICES = ("ingest", "baseline", "attribution", "reporting")
_PLACEHOLDER = "CUR"
_HEAD = """\
# Metrics

Written by `python -m deploy.generate` from the code; a test compares.

Names follow Prometheus's conventions: base units, one unit a name, counters end in `_total`.
The bounds of an interval are families of their own (`..._lower_<unit>`, `..._upper_<unit>`), so
that no sum adds a point to its bounds. **Never add bounds either**: the total's interval comes
from the service, or from half-widths in quadrature (`deploy/prometheus/rules/business.yml`).
What is unknown has no series; absent is not zero.

## What the AI earned: `/metrics/business` of reporting

All are gauges, because estimates are revised. `<currency>` is the reporting currency of the
portfolio in lower case, such as `usd`. `use_case` is the key of an initiative.

"""
_PROGRAMS = """
## How the programs do: `/metrics` of every service

"""


def metrics_page() -> str:
    """Render the page."""
    page = _HEAD + _table(list(_business())) + _PROGRAMS
    modules = {"every service": "aivalue.runtime.telemetry"} | {
        name: f"services.{name}.metrics" for name in SERVICES if _exists(f"services.{name}.metrics")
    }
    for title, path in modules.items():
        page += f"### {title}\n\n" + _table(list(_declared(importlib.import_module(path)))) + "\n"
    return page.rstrip("\n") + "\n"


def _business() -> Iterator[Row]:
    """Give names that differ in their unit alone one row."""
    same: dict[tuple[tuple[str, ...], str], list[tuple[str, str]]] = {}
    for family in business_families([_PLACEHOLDER]):
        unit = family.unit.replace(_PLACEHOLDER.lower(), "<currency>")
        stem = family.name.removesuffix(family.unit)
        same.setdefault((family.labels, family.help), []).append((stem, unit))
    for (labels, text), names in same.items():
        units = [unit for _, unit in names]
        spelled = units[0] if len(units) == 1 else f"{{{','.join(units)}}}"
        yield names[0][0] + spelled, "gauge", labels, text


def _declared(module: ModuleType) -> Iterator[Row]:
    for value in vars(module).values():
        if isinstance(value, MetricWrapperBase):
            (family,) = value.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = value._labelnames  # noqa: SLF001 - the client has no public name for them
            yield name, family.type, labels, family.documentation


def _exists(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _table(rows: Sequence[Row]) -> str:
    head = "| metric | type | labels | meaning |\n|---|---|---|---|\n"
    return head + "".join(
        f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {text} |\n"
        for name, kind, labels, text in rows
    )
