"""Subjects of an experiment in rows, and their sums by stratum or cluster."""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Booleans, Cells, Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """One row per subject.

    Attributes
    ----------
    outcome : shape (n,)
    treated : shape (n,)
    denominator : shape (n,), or None
        The metric is then a ratio of sums, sum(outcome) / sum(denominator).
    before : shape (n, n_covariates)
        Known before the experiment; none is shape (n, 0). Of a ratio metric, its own numerator
        and denominator before: two columns.
    stratum, cluster : shape (n,), or None
    """

    outcome: Floats
    treated: Booleans
    before: Floats
    denominator: Floats | None = None
    stratum: Integers | None = None
    cluster: Integers | None = None


def cells_of_subjects(subjects: Subjects, side: Booleans, row: Integers) -> Cells:
    """Sum up subjects of one arm by stratum or cluster; shape (n_rows, 1)."""
    code = codes_of(row)
    shape = int(code.max()) + 1
    y = subjects.outcome[side]
    x = np.ones(len(y)) if subjects.denominator is None else subjects.denominator[side]
    at = code[side]

    def summed(values: Floats) -> Floats:
        return np.bincount(at, values, shape).astype(np.float64)

    n = summed(np.ones(len(y)))
    counted = np.maximum(n, 1)
    y_gap, x_gap = y - (summed(y) / counted)[at], x - (summed(x) / counted)[at]
    sums = {
        "n": n,
        "y": summed(y),
        "x": summed(x),
        "yy": summed(y_gap**2),
        "xx": summed(x_gap**2),
        "xy": summed(x_gap * y_gap),
    }
    return Cells(**{name: values[:, None] for name, values in sums.items()})


def codes_of(labels: Integers | None) -> Integers:
    """Return each label as a whole number."""
    _, code = np.unique(np.asarray(labels), return_inverse=True)
    return code.astype(np.int64)
