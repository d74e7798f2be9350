"""What a table holds and an estimator does not look at: said, never silently left out."""

from aivalue.effects.front_door.choice import SERIES
from aivalue.effects.front_door.ran import Options
from aivalue.effects.front_door.table import Matrices

_ADJUST = {"cuped", "regression_adjustment", "callaway_santanna", *SERIES}
_KNOW_CLUSTERS = {"difference_in_means", "imputation", "callaway_santanna"}
_KNOW_STRATA = {"difference_in_means"}


def unused_by(estimator: str, panel: Matrices, options: Options) -> tuple[str, ...]:
    """Say what was given and the estimator had no use for."""
    found, names = [], options.names
    if options.steady_by is not None and estimator not in SERIES:
        found.append(f"a level that stands ({options.steady_by}): {estimator} takes none for it")
    if panel.covariates.shape[2] and estimator not in _ADJUST:
        found.append(f"{', '.join(names) or 'covariates'}: {estimator} does not adjust for them")
    if panel.cluster is not None and estimator not in _KNOW_CLUSTERS:
        found.append(f"clusters: {estimator} takes units for independent of each other")
    if panel.stratum is not None and estimator not in _KNOW_STRATA:
        found.append(f"strata: {estimator} compares across them")
    return tuple(found)
