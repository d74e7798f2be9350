"""A small run of the coverage study: catches an interval that is badly too narrow, in seconds."""

import pytest

from tests.validation.cells import CELLS, Cell
from tests.validation.study import measure

DRAWS = 20
# Twenty draws at a true coverage of 95 % fall below 15 hits three times in ten thousand cells.
FLOOR = 0.75
WANDERING_FLOOR = 0.5


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_intervals_cover_what_they_claim(cell: Cell) -> None:
    outcome = measure(cell, draws=DRAWS, seed=7)

    assert outcome.coverage >= (FLOOR if cell.floor > 0.9 else WANDERING_FLOOR)
    assert outcome.width > 0
