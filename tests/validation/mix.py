"""D17: one series in two segments whose mix moves when the AI comes; the mix is held.

Without that, the move of the mix is read as an effect five times its size.
"""

from functools import partial

import numpy as np

from aivalue.effects.front_door.ran import Options
from aivalue.effects.front_door.run_series import run_series
from aivalue.effects.front_door.segments import held_series
from aivalue.effects.front_door.table import PanelTable, matrices_of
from tests.validation.cell import Cell, Reading, reading_of
from tests.validation.worlds import autoregressive

N, N_BEFORE = 120, 90
LEVELS = np.array([2.0, 10.0])  # Minutes of an easy and of a hard case.
HARD_BEFORE, HARD_AFTER = 0.25, 0.5
CASES = 400


def _held(correlation: float, effect: float, rng: np.random.Generator) -> Reading:
    """Read `aivalue estimate --segment` on totals with their volume."""
    with_ai = np.arange(N) >= N_BEFORE
    hard = rng.binomial(CASES, np.where(with_ai, HARD_AFTER, HARD_BEFORE))
    volume = np.column_stack([CASES - hard, hard]).astype(np.float64)
    level = LEVELS + autoregressive(rng, correlation, (2, N)).T + effect * with_ai[:, None]
    table = PanelTable(
        unit=["desk"] * (2 * N),
        time=[f"{at:03d}" for at in np.repeat(np.arange(N), 2)],
        outcome=(level * volume).ravel(),
        treated=np.repeat(with_ai, 2),
        covariates=np.empty((2 * N, 0)),
        denominator=volume.ravel(),
    )
    held, _ = held_series(table, ["easy", "hard"] * N)
    return reading_of(run_series(matrices_of(held), Options(), "averaged").effect, effect)


MIX: tuple[Cell, ...] = tuple(
    Cell(
        name=f"D17 a mix that moves, held, correlation {correlation}, an effect of {effect}",
        method="interrupted_time_series, mix held",
        draw=partial(_held, correlation, effect),
        promise="exact" if correlation else "conservative",
        reason="" if correlation else "a level that wanders cannot be ruled out",
    )
    for correlation, effect in ((0.0, 0.0), (0.6, 0.0), (0.6, -0.5))
)
