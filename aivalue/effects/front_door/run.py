"""Run one estimator on a table's matrices, with the checks that belong to it."""

from collections.abc import Callable
from functools import partial

from aivalue.effects.front_door.ran import Options, Ran
from aivalue.effects.front_door.run_conformal import run_conformal
from aivalue.effects.front_door.run_experiment import run_experiment, run_switchback
from aivalue.effects.front_door.run_rollout import (
    run_callaway_santanna,
    run_difference,
    run_imputation,
)
from aivalue.effects.front_door.run_series import run_series
from aivalue.effects.front_door.run_synthetic import (
    run_augmented,
    run_synthetic_control,
    run_synthetic_difference,
)
from aivalue.effects.front_door.table import Matrices


def run(estimator: str, panel: Matrices, options: Options) -> Ran:
    """Estimate with the estimator of this name."""
    return _RUNS[estimator](panel, options)


_RUNS: dict[str, Callable[[Matrices, Options], Ran]] = {
    "difference_in_means": partial(run_experiment, adjustment=None),
    "cuped": partial(run_experiment, adjustment="cuped"),
    "regression_adjustment": partial(run_experiment, adjustment="regression_adjustment"),
    "switchback": run_switchback,
    "synthetic_difference_in_differences": run_synthetic_difference,
    "synthetic_control": run_synthetic_control,
    "augmented_synthetic_control": run_augmented,
    "conformal_synthetic_control": run_conformal,
    "imputation": run_imputation,
    "callaway_santanna": run_callaway_santanna,
    "difference_in_differences": run_difference,
    "interrupted_time_series": partial(run_series, errors="averaged"),
    "autoregressive_bootstrap": partial(run_series, errors="bootstrap"),
    "local_level": partial(run_series, errors="local_level"),
}
