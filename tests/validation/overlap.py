"""D11: two initiatives on one KPI, mostly rolled out together, that take from each other."""

from functools import partial
from typing import Literal

import numpy as np

from aivalue.effects.overlap import in_cents, joint_model, joint_shares
from aivalue.effects.panel import Booleans
from aivalue.kpis.interval import Interval
from tests.validation.cell import Cell, Reading
from tests.validation.worlds import NEVER, panel_noise

N_UNITS, N_PERIODS = 60, 24
Figure = Literal["total", "a", "b"]
ALONE = {"a": 3.0, "b": 2.0}
TOGETHER = 3.5  # An interaction of -1.5.
EURO_PER_UNIT = 1_234.56
NEVER_AGAIN = 0.3  # Units that an initiative never reaches.


def _joint(figure: Figure, rng: np.random.Generator) -> Reading:
    start = rng.choice([8, 12, 16], (2, N_UNITS))
    # B goes where A went, two times in three.
    without = rng.random(N_UNITS) < NEVER_AGAIN
    apart = rng.random(N_UNITS) < 1 / 3
    start[0, without] = NEVER
    start[1, np.where(apart, rng.random(N_UNITS) < NEVER_AGAIN, without)] = NEVER
    start[:, :6] = NEVER  # Somebody must be left to compare with.
    at_work: dict[str, Booleans] = {
        name: np.arange(N_PERIODS) >= start[row][:, None] for row, name in enumerate(ALONE)
    }
    a, b = at_work["a"], at_work["b"]
    effect = ALONE["a"] * (a & ~b) + ALONE["b"] * (b & ~a) + TOGETHER * (a & b)
    level = panel_noise(rng, 0.3, effect.shape) + effect
    found = joint_shares(joint_model(level, np.ones_like(level), at_work))
    _require_conserved(found.total, found.share)
    both = float((a & b).sum())
    loss = (sum(ALONE.values()) - TOGETHER) / 2
    truth = {
        "total": float(effect.sum()),
        "a": ALONE["a"] * float(a.sum()) - loss * both,
        "b": ALONE["b"] * float(b.sum()) - loss * both,
    }
    read = found.total if figure == "total" else found.share[figure]
    # As a share of the true total, so that the bias reads as one.
    size = truth["total"]
    return Reading(low=read.low / size, high=read.high / size, truth=truth[figure] / size)


def _require_conserved(total: Interval, share: dict[str, Interval]) -> None:
    """Stop the study if a cent appears or is lost."""
    worth = {name: EURO_PER_UNIT * each.point for name, each in share.items()}
    cents = round(100 * EURO_PER_UNIT * total.point)
    if sum(in_cents(worth, cents).values()) != cents:
        raise AssertionError(f"shares {worth} do not sum to {cents} cents")


_FIGURES: tuple[tuple[Figure, str, str], ...] = (
    ("total", "total", "sum of separate DiDs 118.6 % of the truth; regression 92.4 %"),
    ("a", "first's share", ""),
    ("b", "second's share", ""),
)

OVERLAP: tuple[Cell, ...] = tuple(
    Cell(
        name=f"D11 two initiatives that overlap, {label}",
        method="joint_model, Shapley",
        peers=peers,
        draw=partial(_joint, figure),
        bias_max=0.01,
    )
    for figure, label, peers in _FIGURES
)
