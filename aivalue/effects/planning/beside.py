"""How control series may go on, so that a plan can count on them.

A control explains what it shares with the series, and costs what it happens to do across go-live.
What it will do is not known: each path goes on from where its history ended, along its trend, with
the noise and the memory that the history leaves open.
"""

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.effects.planning.memories import Memory, memories_of
from aivalue.effects.planning.shape import shape_of

PATHS = 8
SEED = 20_260_102


def continued(controls: Floats, before: int, size: int) -> list[Floats]:
    """Return paths of the controls over the trial, each of shape (before + size, n_controls).

    Parameters
    ----------
    controls : shape (n, n_controls)
        Of the history, which ends at go-live; of a longer one the last periods count.
    """
    random = np.random.default_rng(SEED)
    seen = controls[-before:]
    n_more = before + size - len(seen)
    longer = [_longer(column, n_more, random) for column in controls.T]
    return [
        np.concatenate([seen, np.column_stack([column[path] for column in longer])])
        for path in range(PATHS)
    ]


def _longer(control: Floats, n_more: int, random: np.random.Generator) -> Floats:
    """Return what may come after the control's history, shape (PATHS, n_more)."""
    n = len(control)
    memories = memories_of(control, (), has_trend=True)
    probability = np.array([each.probability for each in memories])
    chosen = random.choice(len(memories), PATHS, p=probability / probability.sum())
    return np.array([_path(control, n + n_more, memories[at], random) for at in chosen])


def _path(control: Floats, n: int, memory: Memory, random: np.random.Generator) -> Floats:
    shape = shape_of(n, (), has_trend=True)
    n_seen = len(control)
    freed = memory.freed(np.column_stack([control, shape[:n_seen]]))
    coefficient, *_ = np.linalg.lstsq(freed[:, 1:], freed[:, 0], rcond=None)
    expected = shape @ coefficient
    correlation = memory.autocorrelation
    surprise = random.standard_normal(n - n_seen) * memory.deviation * (1 - correlation**2) ** 0.5
    away = float(control[-1] - expected[n_seen - 1])
    path = np.empty(n - n_seen)
    for row, new in enumerate(surprise):
        away = correlation * away + new
        path[row] = expected[n_seen + row] + away
    return path
