"""What each version of a model brings per decision, and what a new version changed.

Versions that follow each other differ in time as well: seasons, mix and prices moved too. So two
versions are compared only within periods (and segments) in which both decided, weighted by how
many decisions the newer one took there; without such a stratum the difference is refused.

Source: Miratrix, Sekhon & Yu (2013), JRSS B 75(2), for the post-stratified difference; Welch (1947)
and Satterthwaite (1946), for its degrees of freedom.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval

Floats = NDArray[np.float64]

DECISIONS_MIN = 2  # Per version and stratum: a variance needs two.


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionStatistics:
    """Outcomes per decision, summed by stratum (a period, or a period and segment).

    Attributes
    ----------
    n, total, squares : shape (n_strata,)
        Decisions, sum of their outcomes, and sum of squares about the stratum's mean.
    """

    version: str
    n: Floats
    total: Floats
    squares: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDifference:
    """Newer minus older version, per decision.

    Attributes
    ----------
    share_compared : float, in (0, 1]
        Of the newer version's decisions, in strata in which the older one decided too.
    """

    newer: str
    older: str
    difference: Interval
    share_compared: float


def value_per_decision(version: VersionStatistics, *, confidence: float = 0.95) -> Interval:
    """Return the mean outcome of a version's decisions; not comparable across periods.

    Raises
    ------
    NotEstimable
        Fewer than two decisions, or all brought the same.
    """
    n = float(version.n.sum())
    if n < DECISIONS_MIN:
        raise NotEstimable(
            f"version {version.version} took {n:.0f} decisions, needs {DECISIONS_MIN}",
            verdict="below_sample_floor",
        )
    mean = float(version.total.sum() / n)
    own = version.total / np.maximum(version.n, 1)
    squares = float((version.squares + version.n * (own - mean) ** 2).sum())
    if not squares > 0:
        raise NotEstimable(
            f"all {n:.0f} decisions of version {version.version} brought {mean:g}: nothing varies, "
            "so the uncertainty cannot be estimated"
        )
    quantile = float(special.stdtrit(n - 1, (1 + confidence) / 2))
    error = float(np.sqrt(squares / (n - 1) / n))
    return Interval.around(mean, error, quantile=quantile, confidence=confidence)


def version_difference(
    newer: VersionStatistics, older: VersionStatistics, *, confidence: float = 0.95
) -> VersionDifference:
    """Compare two versions where both decided.

    Assumes that within a stratum cases went to the versions as if at random.

    Raises
    ------
    NotEstimable
        No stratum has two decisions of each version, or nothing varies.
    """
    both = (newer.n >= DECISIONS_MIN) & (older.n >= DECISIONS_MIN)
    if not both.any():
        raise NotEstimable(
            f"versions {newer.version} and {older.version} never decided in the same period: what "
            f"changed cannot be told from what the calendar changed"
        )
    share = newer.n[both] / newer.n[both].sum()
    parts, freedom, means = [], [], []
    for version in (newer, older):
        n = version.n[both]
        means.append(version.total[both] / n)
        parts.append(share**2 * version.squares[both] / (n - 1) / n)
        freedom.append(n - 1)
    point = float((share * (means[0] - means[1])).sum())
    variance = np.concatenate(parts)
    if not variance.sum() > 0:
        raise NotEstimable("nothing varies, so the uncertainty cannot be estimated")
    shares = variance / variance.sum()
    degrees = float(1 / (shares**2 / np.concatenate(freedom)).sum())
    quantile = float(special.stdtrit(degrees, (1 + confidence) / 2))
    error = float(np.sqrt(variance.sum()))
    return VersionDifference(
        newer=newer.version,
        older=older.version,
        difference=Interval.around(point, error, quantile=quantile, confidence=confidence),
        share_compared=float(newer.n[both].sum() / newer.n.sum()),
    )
