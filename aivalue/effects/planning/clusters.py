"""Clusters drawn into two arms: teams, stores or customers whose subjects share their luck.

Subjects of a cluster repeat each other, so that a cluster of m counts for m over the design
effect; where clusters differ in size the large ones cost more than they bring.

Source: Donner & Klar (2000), "Design and Analysis of Cluster Randomization Trials", 5.2; Eldridge,
Ashby & Kerry (2006), International Journal of Epidemiology 35(5), for clusters of unequal size.
"""

import math

from aivalue.effects.planning.trial import (
    Lever,
    Noise,
    Trial,
    require_positive,
    require_share,
    same,
)
from aivalue.errors import NotEstimable

CLUSTERS_LEAST = 4
CLUSTERS_MOST = 10**9
SIZE_MOST = 10**9


def by_cluster(
    deviation: float,
    *,
    correlation_within: float,
    cluster_size: int,
    clusters: int | None = None,
    size_variation: float = 0.0,
    level: float | None = None,
    share_treated: float = 0.5,
) -> Trial:
    """Plan the difference between arms of randomized clusters.

    Parameters
    ----------
    correlation_within : in [0, 1)
        Of two subjects of one cluster.
    size_variation : >= 0
        Deviation of the clusters' sizes over their mean.
    """
    require_positive(deviation=deviation, cluster_size=cluster_size)
    require_share(share_treated=share_treated)
    if not 0 <= correlation_within < 1:
        raise NotEstimable(f"correlation_within must lie in [0, 1), got {correlation_within:g}")
    if not size_variation >= 0:
        raise NotEstimable(f"size_variation must not be negative, got {size_variation:g}")
    arms = 1 / share_treated + 1 / (1 - share_treated)

    def noise_of(n_clusters: int, size: int) -> Noise:
        larger = 1 + ((1 + size_variation**2) * size - 1) * correlation_within
        variance = deviation**2 * larger * arms / (n_clusters * size)
        return same(math.sqrt(variance), float(n_clusters - 2))

    levers = [
        Lever(
            name="clusters",
            planned=clusters,
            least=max(CLUSTERS_LEAST, math.ceil(2 / min(share_treated, 1 - share_treated))),
            most=CLUSTERS_MOST,
            noise=lambda size, _: noise_of(size, cluster_size),
        )
    ]
    if clusters is not None:
        levers.append(
            Lever(
                name="subjects per cluster",
                planned=cluster_size,
                least=1,
                most=SIZE_MOST,
                noise=lambda size, _: noise_of(clusters, size),
            )
        )
    return Trial(
        kind="clusters",
        estimator="cluster_randomized",
        level=level,
        levers=tuple(levers),
        effect_max=math.inf,
        assumes=("clusters do not influence each other", "subjects weigh alike"),
    )
