"""One series in segments, as a table: each time's level at the mix that the AI works on."""

from collections.abc import Sequence

import numpy as np

from aivalue.effects.front_door.table import PanelTable, sorted_times
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.effects.segments.mix import hold_mix
from aivalue.effects.segments.parts import ChangeParts
from aivalue.errors import NotEstimable


def held_series(table: PanelTable, segment: Sequence[str]) -> tuple[PanelTable, ChangeParts]:
    """Merge rows by time, the mix of segments held.

    Parameters
    ----------
    table
        Any number of rows per time: events, or totals over their volume in `denominator`.
    segment
        Of each row.

    Raises
    ------
    NotEstimable
        A time has rows with and without the AI, or there is no mix to hold.
    """
    volume = np.ones(len(segment)) if table.denominator is None else table.denominator
    kept = np.isfinite(table.outcome) & np.isfinite(volume) & (volume > 0)
    if (volume < 0).any():
        row = int(np.argmax(volume < 0))
        raise NotEstimable(
            f"time {table.time[row]}, segment {segment[row]}: the volume is {volume[row]:g}, "
            "needs 0 or more"
        )
    times, time = sorted_times([each for each, keep in zip(table.time, kept, strict=True) if keep])
    names, column = np.unique(np.asarray(segment, str)[kept], return_inverse=True)
    shape = (len(times), len(names))

    def summed(values: Floats) -> Floats:
        cells = np.bincount(time * shape[1] + column, values[kept], shape[0] * shape[1])
        return cells.reshape(shape).astype(np.float64)

    with_ai = _with_ai(table.treated[kept], time, times)
    total, size = summed(table.outcome), summed(volume)
    held = hold_mix(total, size, with_ai, size[with_ai].sum(axis=0), names.tolist())
    whole = PanelTable(
        unit=["series"] * len(times),
        time=times,
        outcome=held.level,
        treated=with_ai,
        covariates=_means(table.covariates[kept], time, len(times)),
    )
    return whole, held.parts


def _with_ai(treated: Booleans, time: Integers, times: Sequence[str]) -> Booleans:
    n, n_treated = np.bincount(time), np.bincount(time, treated)
    mixed = (n_treated > 0) & (n_treated < n)
    if mixed.any():
        at = times[int(np.argmax(mixed))]
        raise NotEstimable(f"time {at} has rows with and without the AI: no one series")
    with_ai: Booleans = n_treated > 0
    return with_ai


def _means(covariates: Floats, time: Integers, n_times: int) -> Floats:
    n = np.bincount(time, minlength=n_times)
    columns = [np.bincount(time, column, n_times) / n for column in covariates.T]
    return np.array(columns, np.float64).reshape(covariates.shape[1], n_times).T
