"""Products of panel columns once unit and period levels are taken off, under many covariances.

A unit's cells vary as noise / weight + share * correlation^lag. The inverse of that needs no
matrix: the persistent part's own inverse has three diagonals, so a column is solved for by one
pass forward and one back, and what periods share adds up row by row. Units with the same weights
share the passes' factors. Groups of units that vary by different multiples of one covariance need
one pass each, whatever the multiples.

Source: Woodbury (1950) for the inverse of the sum; Golub & Van Loan (2013), "Matrix Computations",
4.3.6, for three diagonals.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.error_models.periods_off import LevelsOff, UnitsOff, periods_off
from aivalue.effects.panel import Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """Which units have the same weights.

    Attributes
    ----------
    weight : shape (n_kinds, n_periods)
    kind : shape (n_units,)
    n_units : shape (n_kinds,)
    """

    weight: Floats
    kind: Integers
    n_units: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Factors:
    """Of share * weight + inverse persistence, shape (n_models, n_periods, n_kinds).

    A kind is a row of weights; `kind` says which a unit has.
    """

    weight: Floats
    kind: Integers
    n_units: Floats
    pivot: Floats
    carried: Floats
    log_size: Floats


def kinds_of(weight: Floats) -> Kinds:
    """Sort units by their weights: most of the work where there are ten thousand."""
    rows, kind, n_units = np.unique(weight, axis=0, return_inverse=True, return_counts=True)
    return Kinds(weight=rows, kind=kind.reshape(-1), n_units=n_units.astype(np.float64))


def levels_off(
    columns: Floats,
    weight: Floats,
    share: Floats,
    correlation: Floats,
    *,
    kinds: Kinds | None = None,
) -> LevelsOff:
    """Take the levels of all units and periods off the columns.

    Parameters
    ----------
    columns : shape (n_columns, n_units, n_periods)
        Ignored where weight is 0; none may be a sum of unit and period levels.
    weight : shape (n_units, n_periods), >= 0
        Noise variance is inverse to it; 0 where the cell is absent.
    share, correlation : shape (n_models,)
    kinds : those of `weight`, for who calls more than once
    """
    return periods_off(units_off(columns, weight, share, correlation, kinds=kinds))


def units_off(
    columns: Floats,
    weight: Floats,
    share: Floats,
    correlation: Floats,
    *,
    kinds: Kinds | None = None,
) -> UnitsOff:
    """Take off the levels of these units alone; parameters are those of `levels_off`."""
    factors = _factors(kinds_of(weight) if kinds is None else kinds, share, correlation)
    kind, n_kinds = factors.kind, len(factors.n_units)
    # Time first and units last, so that what runs along time runs over whole rows.
    plain = np.where(weight > 0, columns, 0.0).transpose(2, 0, 1)
    solved = _solved(plain, share, factors, kind)
    ones = _solved(np.ones((len(plain), 1, n_kinds)), share, factors, np.arange(n_kinds))[:, :, 0]
    information = ones.sum(axis=1)
    information = np.where(information > 0, information, 1.0)
    by_unit = solved.sum(axis=1)
    scaled = by_unit / information[:, None, kind]
    gram = (plain @ solved.transpose(0, 1, 3, 2)).sum(axis=1)
    gram -= by_unit @ scaled.transpose(0, 2, 1)
    inner = _between_periods(share, factors)
    inner -= ones @ (ones * (factors.n_units / information)[:, None]).transpose(0, 2, 1)
    seen = factors.weight > 0
    return UnitsOff(
        gram=gram,
        log_size=factors.log_size + np.log(information) @ factors.n_units,
        right=solved.sum(axis=3) - ones[:, :, kind] @ scaled.transpose(0, 2, 1),
        inner=inner,
        is_present=np.asarray(seen.any(axis=0)),
        free=float((seen.sum(axis=1) - seen.any(axis=1)) @ factors.n_units),
    )


def _factors(kinds: Kinds, share: Floats, correlation: Floats) -> _Factors:
    rows, n_units = kinds.weight, kinds.n_units
    n_periods = rows.shape[1]
    independent = 1 - correlation**2
    off = (correlation / independent)[:, None]
    ends = np.zeros(n_periods)
    ends[0] += 1
    ends[-1] += 1
    inverse = (1 + np.outer(correlation**2, 1 - ends)) / independent[:, None]
    pivot = inverse[..., None] + share[:, None, None] * rows.T
    carried = np.zeros_like(pivot)
    for period in range(1, n_periods):
        carried[:, period - 1] = off / pivot[:, period - 1]
        pivot[:, period] -= off * carried[:, period - 1]
    noise = np.log(np.where(rows > 0, rows, 1.0)).sum(axis=1)
    by_kind = np.log(pivot).sum(axis=1) - noise
    return _Factors(
        weight=rows,
        kind=kinds.kind,
        n_units=n_units,
        pivot=pivot,
        carried=carried,
        log_size=by_kind @ n_units + len(kinds.kind) * (n_periods - 1) * np.log(independent),
    )


def _solved(columns: Floats, share: Floats, factors: _Factors, kind: Integers) -> Floats:
    """Return the inverse covariances times columns: shape (n_models, *columns.shape).

    Parameters
    ----------
    columns : shape (n_periods, n_columns, n_units)
    kind : shape (n_units,)
    """
    n_periods = len(columns)
    weight = factors.weight.T[:, None, kind]
    carried = factors.carried[:, :, None, kind]
    weighted = weight * columns
    result = np.repeat(weighted[None], len(share), axis=0)
    for period in range(1, n_periods):
        result[:, period] += carried[:, period - 1] * result[:, period - 1]
    result /= factors.pivot[:, :, None, kind]
    for period in range(n_periods - 2, -1, -1):
        result[:, period] += carried[:, period] * result[:, period + 1]
    result *= -share[:, None, None, None] * weight
    result += weighted
    return result


def _between_periods(share: Floats, factors: _Factors) -> Floats:
    """Return the inverse covariances' sum over units: shape (n_models, n_periods, n_periods)."""
    n_models, n_periods, n_kinds = factors.pivot.shape
    weight = factors.weight
    total = np.zeros((n_models, n_periods, n_periods))
    row = np.zeros((n_models, n_kinds, n_periods))
    own = np.zeros((n_models, n_kinds))
    for period in range(n_periods - 1, -1, -1):
        carried = factors.carried[:, period]
        row[:, :, period + 1 :] *= carried[:, :, None]
        own = 1 / factors.pivot[:, period] + carried**2 * own
        row[:, :, period] = own
        counted = (factors.n_units * weight[:, period])[:, None] * weight[:, period:]
        later = (row[:, :, period:] * counted).sum(axis=1)
        total[:, period, period:] = later
        total[:, period:, period] = later
    total *= -share[:, None, None]
    each = np.arange(n_periods)
    total[:, each, each] += factors.n_units @ weight
    return total
