"""Clusters that go live as a whole: what was decided for a region holds for all its units.

Then the cluster is what has the AI, and its mean is what varies: clusters are read as units are,
so that few of them borrow their spread from all.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeClusters:
    """Clusters of one cohort each.

    Attributes
    ----------
    of_unit : shape (n_units,)
        Counts into the clusters.
    size : shape (n_clusters,)
        Units.
    cohort : shape (n_clusters,)
    """

    of_unit: Integers
    size: Floats
    cohort: Integers

    def summed(self, by_unit: Floats) -> Floats:
        """Add up units within clusters; units are the first axis."""
        total = np.zeros((len(self.size), *by_unit.shape[1:]))
        np.add.at(total, self.of_unit, by_unit)
        return total


def whole_clusters(cluster: Integers, cohort_of: Integers) -> WholeClusters | None:
    """Return the clusters, or None if units of one went live at different times."""
    _, first, code = np.unique(cluster, return_index=True, return_inverse=True)
    cohort = cohort_of[first]
    if (cohort[code] != cohort_of).any():
        return None
    return WholeClusters(
        of_unit=code.astype(np.int64),
        size=np.bincount(code).astype(np.float64),
        cohort=cohort,
    )
