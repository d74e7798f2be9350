"""A long table (one row per unit and time) as matrices, or a refusal naming the row at fault."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from aivalue.effects.effect import Period
from aivalue.effects.estimators.staggered import StaggeredPanel
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.errors import NotEstimable

FIRST_DAY = date(2000, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelTable:
    """Columns of equal length; times sort as numbers if all are numbers, else as text.

    Attributes
    ----------
    outcome : shape (n_rows,), NaN where missing
    treated : shape (n_rows,)
        True from the time the unit works with the AI.
    covariates : shape (n_rows, n_covariates)
    cluster, stratum : length n_rows, or empty
        What units share, and what they were drawn within; every unit lies in one of each.
    denominator : shape (n_rows,), or None
        Of a ratio metric; only experiments have one.
    """

    unit: Sequence[str]
    time: Sequence[str]
    outcome: Floats
    treated: Booleans
    covariates: Floats
    cluster: Sequence[str] = ()
    stratum: Sequence[str] = ()
    denominator: Floats | None = None

    def __post_init__(self) -> None:
        n = len(self.unit)
        for name in ("time", "outcome", "treated", "covariates"):
            if len(getattr(self, name)) != n:
                seen = len(getattr(self, name))
                raise ValueError(f"column {name} has {seen} rows, needs {n}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrices:
    """The table by unit and time.

    Attributes
    ----------
    outcome : shape (n_units, n_times), NaN where not measured
    first_treated : shape (n_units,)
        `n_times` where never.
    covariates : shape (n_units, n_times, n_covariates)
    cluster, stratum : shape (n_units,), or None
    denominator : shape (n_units, n_times), or None
    treated : shape (n_units, n_times), or None
        As the table has it; None where nobody needs it.
    """

    units: tuple[str, ...]
    times: tuple[str, ...]
    outcome: Floats
    first_treated: Integers
    covariates: Floats
    cluster: Integers | None
    stratum: Integers | None = None
    denominator: Floats | None = None
    treated: Booleans | None = None

    @property
    def periods(self) -> tuple[Period, ...]:
        """Stand-ins for times, whatever their calendar: one day each."""
        return days_from(len(self.times))

    @property
    def is_complete(self) -> bool:
        """Whether every unit was measured at every time."""
        return bool(np.isfinite(self.outcome).all())

    @property
    def is_treated(self) -> Booleans:
        """Which units ever have the AI."""
        return self.first_treated < len(self.times)

    def require_complete(self) -> None:
        """Refuse the first unit and time without an outcome, for a mix of donors."""
        if self.is_complete:
            return
        row, column = np.argwhere(~np.isfinite(self.outcome))[0]
        raise NotEstimable(
            f"unit {self.units[row]} has no outcome at time {self.times[column]}: a mix of donors "
            "needs every unit at every time; leave the unit out, or use imputation"
        )

    def staggered(self) -> StaggeredPanel:
        """Return the shape that rollout estimators read; covariates as of the first time."""
        has_covariates = self.covariates.shape[2] > 0
        return StaggeredPanel(
            outcome=self.outcome,
            first_treated=self.first_treated,
            units=self.units,
            periods=self.periods,
            covariates=self.covariates[:, 0] if has_covariates else None,
            cluster=self.cluster,
        )


def days_from(n: int) -> tuple[Period, ...]:
    """Return as many periods of a day each."""
    days = [date.fromordinal(FIRST_DAY + step) for step in range(n + 1)]
    return tuple(Period(start=start, end=end) for start, end in itertools.pairwise(days))


def matrices_of(table: PanelTable, *, may_alternate: bool = False) -> Matrices:
    """Pivot the table; with `may_alternate`, units may lose the AI and get it again.

    Raises
    ------
    NotEstimable
        A unit has two rows at one time, or loses the AI again; or a denominator has several times.
    """
    names, unit = np.unique(np.asarray(table.unit, str), return_inverse=True)
    units = tuple(str(name) for name in names)
    times, time = sorted_times(table.time)
    shape = (len(units), len(times))
    if table.denominator is not None and len(times) > 1:
        raise NotEstimable(
            "a denominator belongs to subjects, each at one time, or to segments of a series; "
            f"here are {len(times)} times: divide the outcome beforehand"
        )
    count = np.bincount(unit * shape[1] + time, minlength=shape[0] * shape[1])
    if (count > 1).any():
        twice = int(np.argmax(count > 1))
        raise NotEstimable(
            f"unit {units[twice // shape[1]]} has {count[twice]} rows at time "
            f"{times[twice % shape[1]]}, needs 1"
        )
    outcome = np.full(shape, np.nan)
    outcome[unit, time] = table.outcome
    covariates = np.full((*shape, table.covariates.shape[1]), np.nan)
    covariates[unit, time] = table.covariates
    treated = np.zeros(shape, dtype=bool)
    treated[unit, time] = table.treated
    seen = np.zeros(shape, dtype=bool)
    seen[unit, time] = True
    first = np.where(treated.any(axis=1), treated.argmax(axis=1), shape[1])
    lost = seen & ~treated & (np.arange(shape[1]) > first[:, None])
    if lost.any() and not may_alternate:
        row = int(np.argmax(lost.any(axis=1)))
        raise NotEstimable(
            f"unit {units[row]} has the AI from {times[first[row]]} on but not at "
            f"{times[int(np.argmax(lost[row]))]}: only the estimator switchback "
            "reads units that lose the AI again"
        )
    return Matrices(
        units=units,
        times=tuple(times),
        outcome=outcome,
        first_treated=first.astype(np.int64),
        covariates=covariates,
        cluster=_labels(table.cluster, unit, units, "clusters"),
        stratum=_labels(table.stratum, unit, units, "strata"),
        denominator=_pivoted(table.denominator, unit, time, shape),
        treated=treated,
    )


def _labels(
    labels: Sequence[str], unit: Integers, units: Sequence[str], what: str
) -> Integers | None:
    if not len(labels):
        return None
    names, code = np.unique(np.asarray(labels, str), return_inverse=True)
    label = np.zeros(len(units), np.int64)
    label[unit] = code
    elsewhere = label[unit] != code
    if elsewhere.any():
        row = int(np.argmax(elsewhere))
        both = f"{names[code[row]]} and {names[label[unit[row]]]}"
        raise NotEstimable(f"unit {units[unit[row]]} lies in two {what}, {both}: needs one")
    return label


def _pivoted(
    values: Floats | None, unit: Integers, time: Integers, shape: tuple[int, int]
) -> Floats | None:
    if values is None:
        return None
    pivoted = np.full(shape, np.nan)
    pivoted[unit, time] = values
    return pivoted


def sorted_times(values: Sequence[str]) -> tuple[list[str], Integers]:
    """Return the distinct times in order, as numbers if all are, and each value's place."""
    text = np.asarray(values, str)
    labels, index = np.unique(text, return_inverse=True)
    try:
        order = np.argsort(labels.astype(np.float64), kind="stable")
    except ValueError:
        order = np.arange(len(labels))
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.arange(len(labels))
    return [str(label) for label in labels[order]], rank[index]
