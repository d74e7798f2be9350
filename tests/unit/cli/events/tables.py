"""Tables and mappings written for one test, and what importing them would send."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

from aivalue.cli.events.import_run import Origin, prepare_origin
from aivalue.cli.events.prepared import Prepared

NOW = datetime(2024, 6, 1, tzinfo=UTC)
MEASUREMENT = """\
    type: measurement
    source: urn:test
    time: {column: when}
    fields:
      kpi: {constant: downtime}
      unit: line
      value: minutes
"""


def prepared(path: Path, mapping: str, *, backfill: str | None = None) -> Prepared:
    file = path.parent / "mapping.yaml"
    file.write_text(dedent(mapping))
    return asyncio.run(
        prepare_origin(
            Origin(path=path), file, spool=path.parent / "spool", backfill=backfill, now=NOW
        )
    )


def events(path: Path, mapping: str, *, backfill: str | None = None) -> list[dict[str, Any]]:
    found = prepared(path, mapping, backfill=backfill)
    return [json.loads(line.value) for line in found.lines()]


def csv(directory: Path, text: str) -> Path:
    path = directory / "t.csv"
    path.write_text(dedent(text))
    return path
