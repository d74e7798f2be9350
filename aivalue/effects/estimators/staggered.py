"""A rollout as one matrix: an outcome per unit and period, and when each unit went live."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from aivalue.effects.effect import Period
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.errors import NotEstimable

Adjustment = Literal["doubly_robust", "regression"]  # For covariates.

SHARE_DROPPED_MAX = 0.10  # Treated cells that nothing answers for.
SPARE_UNITS_MIN = 5  # Units beyond the number of coefficients, in the cohort and its comparison.
_NAMED_MAX = 5
_PRODUCT_MAX = 250_000  # Multiplications that BLAS does on one thread.


@dataclass(frozen=True, slots=True, kw_only=True)
class StaggeredPanel:
    """Outcomes under a phased rollout; once a unit has the AI it keeps it.

    Attributes
    ----------
    outcome : shape (n_units, n_periods)
        In the KPI's unit; NaN where the unit was not measured.
    first_treated : shape (n_units,)
        Position of the unit's first period with AI; `n_periods` or more means never.
    covariates : shape (n_units, n_covariates), or None
        Known before the first period. No constant column.
    cluster : shape (n_units,), or None
        What units share (a region, say); None makes every unit its own.
    """

    outcome: Floats
    first_treated: Integers
    units: tuple[str, ...]
    periods: tuple[Period, ...]
    covariates: Floats | None = None
    cluster: Integers | None = None

    def __post_init__(self) -> None:
        n_units, n_periods = self.outcome.shape
        if len(self.units) != n_units or len(self.periods) != n_periods:
            seen = f"{len(self.units)} units and {len(self.periods)} periods"
            raise ValueError(f"outcome is {n_units} x {n_periods}, got {seen}")
        for name in ("first_treated", "covariates", "cluster"):
            values = getattr(self, name)
            if values is not None and len(values) != n_units:
                raise ValueError(f"{name} has {len(values)} entries, needs {n_units}")

    @property
    def treated(self) -> Booleans:
        """Which cells have the AI, whether measured or not."""
        after: Booleans = np.arange(self.outcome.shape[1]) >= self.first_treated[:, None]
        return after


def require_balanced(panel: StaggeredPanel, *, instead: str) -> None:
    """Refuse, by name, a panel in which a unit misses a period."""
    missing: Booleans = ~np.isfinite(panel.outcome)
    if not missing.any():
        return
    units = names_of(panel.units, np.asarray(missing.any(axis=1)))
    raise NotEstimable(
        f"{int(missing.sum())} cells have no outcome (units {units}): this estimator compares the "
        f"same units in every period. Leave these units out, or use {instead}"
    )


def products_of(left: Floats, right: Floats) -> Floats:
    """Return left' right, for many units and few periods, in blocks of units.

    In blocks this small BLAS stays on one thread: on matrices this narrow, threads cost more than
    they bring on a busy machine, and a sum in a fixed order has the same bytes on any number of
    cores.
    """
    # A matrix times itself takes another path in BLAS, with other rules for threads.
    right = right.copy() if right is left else right
    rows = max(_PRODUCT_MAX // (left.shape[1] * right.shape[1]), 1)
    summed = np.zeros((left.shape[1], right.shape[1]))
    for first in range(0, len(left), rows):
        summed += left[first : first + rows].T @ right[first : first + rows]
    return summed


def names_of(units: Sequence[str], chosen: Booleans) -> str:
    """Name the first few of the chosen units."""
    named = [unit for unit, is_chosen in zip(units, chosen, strict=True) if is_chosen]
    return ", ".join(named[:_NAMED_MAX]) + (" ..." if len(named) > _NAMED_MAX else "")
