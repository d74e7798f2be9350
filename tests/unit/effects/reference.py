"""Reference data with published or independently computed answers; see tests/data/README.md."""

import csv
import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from aivalue.effects.panel import Floats

FOLDER = Path(__file__).parents[2] / "data" / "reference"


@cache
def expected(name: str) -> dict[str, Any]:
    entries = json.loads((FOLDER / "expected.json").read_text())
    found: dict[str, Any] = next(entry for entry in entries if entry["id"] == name)["expected"]
    return found


@cache
def table(name: str) -> list[dict[str, str]]:
    path = FOLDER / name
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(text.splitlines()))


def columns(name: str, *wanted: str) -> Floats:
    return np.array([[float(row[column]) for column in wanted] for row in table(name)])
