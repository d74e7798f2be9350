"""What a history shows of the numbers that a plan needs; free of numpy, for the sake of --help."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What repeats taken off; None is what the history says nothing about.

    Attributes
    ----------
    deviation, autocorrelation :
        About what repeats: levels of units and periods, trend and season of a series.
    correlation_within, cluster_size, size_variation :
        Of subjects in clusters.
    """

    level: float | None = None
    deviation: float | None = None
    autocorrelation: float | None = None
    n_units: int | None = None
    n_periods: int | None = None
    correlation_within: float | None = None
    cluster_size: int | None = None
    size_variation: float | None = None
