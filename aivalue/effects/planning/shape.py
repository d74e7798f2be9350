"""What a series moves by without the AI, as columns; and columns freed of what the past says."""

import math

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable


def shape_of(
    n: int, seasons: tuple[float, ...], *, has_trend: bool, controls: Floats | None = None
) -> Floats:
    """Return level, trend, seasons and controls of a series, as the estimator has them.

    Parameters
    ----------
    controls : shape (n, n_controls), or None
    """
    position = np.arange(n, dtype=np.float64)
    columns = [np.ones(n)]
    if has_trend:
        columns.append(position / n - 0.5)
    for length in seasons:
        if not length >= 2:  # noqa: PLR2004 - a shorter one is not seen from period to period
            raise NotEstimable(f"a season of {length:g} periods is none")
        if length == int(length):
            step = position % length
            columns += [(step == at).astype(np.float64) for at in range(int(length) - 1)]
        else:
            angle = 2 * np.pi * position / length
            columns += [np.sin(angle), np.cos(angle)]
    if controls is not None:
        spread = controls.std(axis=0)
        if not (spread > 0).all():
            raise NotEstimable(f"control series {int(np.argmin(spread)) + 1} does not vary")
        columns += list(((controls - controls.mean(axis=0)) / spread).T)
    return np.column_stack(columns)


def whitened(columns: Floats, correlation: float) -> Floats:
    """Take off what the period before says, so that least squares is generalized least squares."""
    scale = math.sqrt(1 - correlation**2)
    after = (columns[1:] - correlation * columns[:-1]) / scale
    return np.concatenate([columns[:1], after])
