"""D11: two initiatives on one KPI, mostly rolled out together, that take from each other."""

from functools import partial
from typing import Literal

import numpy as np

from aivalue.effects.effect import Scale
from aivalue.effects.overlap import in_cents, joint_model, joint_shares
from aivalue.effects.overlap.joint_model import JointCells, fit_joint
from aivalue.effects.panel import Booleans, Floats
from aivalue.kpis.interval import Interval
from tests.validation.cell import Cell, Reading
from tests.validation.worlds import NEVER, panel_noise

N_UNITS, N_PERIODS = 60, 24
Figure = Literal["total", "a", "b"]
ALONE = {"a": 3.0, "b": 2.0}
TOGETHER = 3.5  # An interaction of -1.5.
EURO_PER_UNIT = 1_234.56
NEVER_AGAIN = 0.3  # Units that an initiative never reaches.


def _rolled_out(rng: np.random.Generator) -> tuple[Booleans, Booleans]:
    start = rng.choice([8, 12, 16], (2, N_UNITS))
    # B goes where A went, two times in three.
    without = rng.random(N_UNITS) < NEVER_AGAIN
    apart = rng.random(N_UNITS) < 1 / 3
    start[0, without] = NEVER
    start[1, np.where(apart, rng.random(N_UNITS) < NEVER_AGAIN, without)] = NEVER
    start[:, :6] = NEVER  # Somebody must be left to compare with.
    a, b = (np.arange(N_PERIODS) >= each[:, None] for each in start)
    return a, b


def _joint(figure: Figure, rng: np.random.Generator) -> Reading:
    a, b = _rolled_out(rng)
    at_work = {"a": a, "b": b}
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


def _of_counts(figure: Figure, scale: Scale, rng: np.random.Generator) -> Reading:
    """Read counts per volume that differ between units: in points of a share, or in ratio."""
    a, b = _rolled_out(rng)
    volume = np.round(rng.uniform(300, 900, (N_UNITS, 1)) * rng.uniform(0.9, 1.1, a.shape))
    moved = panel_noise(rng, 0.3, a.shape)
    if scale == "additive":
        share = 0.3 + 0.02 * moved
        change = 0.06 * (a & ~b) + 0.04 * (b & ~a) + 0.07 * (a & b)
        y = rng.binomial(volume.astype(np.int64), np.clip(share + change, 0.0, 1.0))
    else:
        rate = np.exp(0.2 * moved)
        change = rate * (0.30 * (a & ~b) + 0.20 * (b & ~a) + 0.35 * (a & b))
        y = rng.poisson(volume * (rate + change))
    none = ~a & ~b
    inside = np.stack([a & ~b, b & ~a, a & b])
    found = joint_shares(
        fit_joint(
            JointCells(
                initiatives=("a", "b"),
                sets=(frozenset("a"), frozenset("b"), frozenset("ab")),
                y_untreated=np.where(none, y, 0.0),
                x_untreated=np.where(none, volume, 0.0),
                y=np.where(inside, y, 0.0),
                x=np.where(inside, volume, 0.0),
            ),
            scale=scale,
        )
    )
    truth = float((change * volume).sum())
    _require_conserved(found.total, found.share)
    if figure == "total":
        return Reading(low=found.total.low / truth, high=found.total.high / truth, truth=1.0)
    read = found.share[figure]
    own = _credit(figure, (a, b), change * volume, volume) / truth
    return Reading(low=read.low / truth, high=read.high / truth, truth=own)


def _credit(figure: str, at_work: tuple[Booleans, Booleans], brought: Floats, of: Floats) -> float:
    """Return what one is due: its own cells, and of common ones half of what the other left."""
    a, b = at_work
    mine, other = (a & ~b, b & ~a) if figure == "a" else (b & ~a, a & ~b)
    both = a & b
    alone, others = (float(brought[part].sum() / of[part].sum()) for part in (mine, other))
    gap = (alone - others) * float(of[both].sum())
    return float(brought[mine].sum()) + (float(brought[both].sum()) + gap) / 2


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

_SCALES: tuple[tuple[Scale, str], ...] = (
    ("additive", "a share of counts"),
    ("proportional", "in ratio"),
)

OVERLAP: tuple[Cell, ...] = (
    *(
        Cell(
            name=f"D11 two initiatives that overlap, {label}",
            method="joint_model, Shapley",
            peers=peers,
            draw=partial(_joint, figure),
            bias_max=0.01,
        )
        for figure, label, peers in _FIGURES
    ),
    *(
        Cell(
            name=f"D11 two initiatives that overlap, {kind}, {label}",
            method="joint_model, Shapley",
            draw=partial(_of_counts, figure, scale),
            bias_max=0.01,
        )
        for scale, kind in _SCALES
        for figure, label, _ in _FIGURES[:2]
    ),
)
