"""What was given and an estimator does not look at: said, never silently left out."""

from aivalue.effects.effect import Effect
from aivalue.effects.front_door.calendar import calendar_of
from aivalue.effects.front_door.choice import SERIES
from aivalue.effects.front_door.ran import Options
from aivalue.effects.front_door.table import Matrices

_ADJUST = {"cuped", "regression_adjustment", "cluster_randomized", "callaway_santanna", *SERIES}
_KNOW_CLUSTERS = {"cluster_randomized", "imputation", "callaway_santanna"}


def unused_by(effect: Effect, panel: Matrices, options: Options) -> tuple[str, ...]:
    """Say what was given and the estimator had no use for."""
    name = effect.estimator
    return (
        *_of_table(name, panel, options.names, is_at_once=len(panel.times) == 1),
        *(_of_series(panel, options) if name in SERIES else _of_series_alone(name, options)),
        *(() if effect.design == "randomized" else _of_experiments_alone(name, options)),
    )


def _of_table(
    estimator: str, panel: Matrices, names: tuple[str, ...], *, is_at_once: bool
) -> list[str]:
    found = []
    if panel.covariates.shape[2] and estimator not in _ADJUST:
        found.append(f"{', '.join(names) or 'covariates'}: {estimator} does not adjust for them")
    # The arms of an experiment at one time know what their subjects share.
    is_by_unit = is_at_once and estimator == "difference_in_means_by_unit"
    if panel.cluster is not None and estimator not in _KNOW_CLUSTERS and not is_by_unit:
        found.append(f"clusters: {estimator} takes units for independent of each other")
    knows_strata = is_at_once and estimator in {"difference_in_means", "cluster_randomized"}
    if panel.stratum is not None and not knows_strata:
        found.append(f"strata: {estimator} compares across them")
    return found


def _of_series(panel: Matrices, options: Options) -> list[str]:
    outside = [
        day
        for day in options.holidays
        if calendar_of(panel.times, panel.first_treated, holidays=[day]).holidays is None
    ]
    return [f"holidays: no time of the table has {', '.join(outside)}"] if outside else []


def _of_series_alone(estimator: str, options: Options) -> list[str]:
    found = []
    if options.steady_by is not None:
        found.append(f"a level that stands ({options.steady_by}): {estimator} takes none for it")
    if options.seasons is not None or options.holidays:
        found.append(f"seasons and holidays: {estimator} compares units at the same time")
    return found


def _of_experiments_alone(estimator: str, options: Options) -> list[str]:
    given = {
        "a planned share": options.share_treated,
        "planned subjects": options.planned_subjects,
        "an expected size": options.expected_size,
    }
    return [
        f"{name} of {value:g}: {estimator} draws no arms"
        for name, value in given.items()
        if value is not None
    ]
