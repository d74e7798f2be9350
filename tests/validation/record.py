"""What a study has drawn so far, a line of JSON per batch, so that a run can be taken up again."""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.validation.cell import Cell, Reading

BATCH = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Draws of one cell; batch `number` of a seed is the same draws on any machine."""

    cell: str
    seed: int
    number: int
    readings: tuple[Reading, ...]


def drawn(cell: Cell, *, seed: int, number: int, size: int = BATCH) -> Batch:
    """Draw from the batch's own stream, so that cells can be added without moving the others."""
    rng = np.random.default_rng([seed, zlib.crc32(cell.name.encode()), number])
    readings = tuple(cell.draw(rng) for _ in range(size))
    return Batch(cell=cell.name, seed=seed, number=number, readings=readings)


def appended(path: Path, batch: Batch) -> None:
    """Write the batch behind the others."""
    columns = {
        name: [getattr(reading, name) for reading in batch.readings] for name in Reading.__slots__
    }
    line = {"cell": batch.cell, "seed": batch.seed, "number": batch.number, **columns}
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def read(path: Path) -> list[Batch]:
    """Return the batches; a last line that was cut short is left out."""
    if not path.exists():
        return []
    return list(_parsed(path.read_text().split("\n")[:-1]))


def _parsed(lines: Iterable[str]) -> Iterable[Batch]:
    for line in lines:
        found = json.loads(line)
        columns = zip(*(found[name] for name in Reading.__slots__), strict=True)
        readings = tuple(
            Reading(**dict(zip(Reading.__slots__, values, strict=True))) for values in columns
        )
        yield Batch(
            cell=found["cell"], seed=found["seed"], number=found["number"], readings=readings
        )
