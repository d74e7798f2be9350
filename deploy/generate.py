"""Write what follows from code: API, events and topics, settings, metrics, rules, dashboards.

`python -m deploy.generate --currency EUR` writes them for portfolios reported in euro; the
metrics' names end in the currency. A test runs it and compares with what is committed.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.documents.event_contract import asyncapi_document
from deploy.documents.event_page import event_page
from deploy.documents.http_api import api_files
from deploy.documents.settings_page import settings_page
from deploy.grafana.executive import executive_dashboard
from deploy.kafka.documents import topics_document
from deploy.metrics_page import metrics_page

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
CURRENCY = "USD"


def generated_files(currency: str) -> Mapping[Path, str]:
    """Return the content of every generated file."""
    dashboards = DEPLOY / "grafana" / "provisioning" / "dashboards" / "json"
    prometheus = DEPLOY / "prometheus"
    return {
        **api_files(ROOT / "docs" / "api"),
        ROOT / "docs" / "settings.md": settings_page(),
        ROOT / "docs" / "metrics.md": metrics_page(),
        ROOT / "docs" / "events" / "asyncapi.json": _json(asyncapi_document()),
        ROOT / "docs" / "events" / "README.md": event_page(),
        DEPLOY / "kafka" / "topics.yaml": topics_document(),
        dashboards / "executive.json": _json(executive_dashboard(currency)),
        prometheus / "rules" / "business.yml": _rendered("business", currency),
        prometheus / "tests" / "business.yml": _rendered("business-test", currency),
        prometheus / "tests" / "business-age.yml": _rendered("business-age-test", currency),
    }


def main() -> None:
    """Write the files that differ and name them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--currency", default=CURRENCY, help="ISO 4217 code (%(default)s)")
    for path, content in generated_files(parser.parse_args().currency).items():
        if path.exists() and path.read_text() == content:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rendered(name: str, currency: str) -> str:
    template = DEPLOY / "prometheus" / "templates" / f"{name}.yml"
    return template.read_text().replace("@currency@", currency.lower())


if __name__ == "__main__":
    main()
