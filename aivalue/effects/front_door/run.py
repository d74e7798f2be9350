"""Run one estimator on a table's matrices, with the checks that belong to it.

Each kind is imported when it is run: a table needs one or two of them.
"""

from collections.abc import Callable
from functools import partial

from aivalue.effects.front_door.ran import Options, Ran
from aivalue.effects.front_door.table import Matrices

Run = Callable[[Matrices, Options], Ran]


def run(estimator: str, panel: Matrices, options: Options) -> Ran:
    """Estimate with the estimator of this name."""
    return _KIND[estimator]()[estimator](panel, options)


def _experiments() -> dict[str, Run]:
    from aivalue.effects.front_door.run_experiment import run_experiment, run_switchback

    return {
        "difference_in_means": partial(run_experiment, adjustment=None),
        "cuped": partial(run_experiment, adjustment="cuped"),
        "regression_adjustment": partial(run_experiment, adjustment="regression_adjustment"),
        "switchback": run_switchback,
    }


def _synthetic() -> dict[str, Run]:
    from aivalue.effects.front_door.run_conformal import run_conformal
    from aivalue.effects.front_door.run_synthetic import (
        run_augmented,
        run_synthetic_control,
        run_synthetic_difference,
    )

    return {
        "synthetic_difference_in_differences": run_synthetic_difference,
        "synthetic_control": run_synthetic_control,
        "augmented_synthetic_control": run_augmented,
        "conformal_synthetic_control": run_conformal,
    }


def _rollouts() -> dict[str, Run]:
    from aivalue.effects.front_door.run_rollout import (
        run_callaway_santanna,
        run_difference,
        run_imputation,
    )

    return {
        "imputation": run_imputation,
        "callaway_santanna": run_callaway_santanna,
        "difference_in_differences": run_difference,
    }


def _series() -> dict[str, Run]:
    from aivalue.effects.front_door.run_series import run_series

    return {
        "interrupted_time_series": partial(run_series, errors="averaged"),
        "autoregressive_bootstrap": partial(run_series, errors="bootstrap"),
        "local_level": partial(run_series, errors="local_level"),
    }


_KIND: dict[str, Callable[[], dict[str, Run]]] = {
    **dict.fromkeys(
        ("difference_in_means", "cuped", "regression_adjustment", "switchback"), _experiments
    ),
    **dict.fromkeys(
        (
            "synthetic_difference_in_differences",
            "synthetic_control",
            "augmented_synthetic_control",
            "conformal_synthetic_control",
        ),
        _synthetic,
    ),
    **dict.fromkeys(("imputation", "callaway_santanna", "difference_in_differences"), _rollouts),
    **dict.fromkeys(
        ("interrupted_time_series", "autoregressive_bootstrap", "local_level"), _series
    ),
}
