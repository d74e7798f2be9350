"""D1 and D2: one series, without and with a control.

Peers: bsts is bsts-causalimpact 1.7, pyci pycausalimpact.
"""

from functools import partial
from itertools import product

import numpy as np

from aivalue.effects.estimators.before_after import before_after
from aivalue.effects.estimators.interrupted_time_series import (
    Interrupted,
    interrupted_time_series,
)
from aivalue.effects.panel import Floats
from tests.unit.effects.reference import columns
from tests.validation.cell import Cell, Promise, Reading, reading_of
from tests.validation.worlds import (
    PERIODS,
    autoregressive,
    correlation_matrix,
    oracle_width,
    weekly,
    weekly_oracle_width,
)

N_DAYS, N_DAYS_BEFORE = 100, 70
WALK = 0.1  # Step of the wandering level, in standard deviations of the noise.
COMPARISON_BEFORE = 90


def _one_series(correlation: float, shape: str, rng: np.random.Generator) -> Reading:
    series = weekly(rng, correlation, shape=shape)
    return reading_of(before_after(series), 0.0, weekly_oracle_width(correlation))


def interrupted(outcome: Floats, controls: Floats, n_before: int, cycle: float) -> Interrupted:
    """Return one series with the AI from `n_before` on."""
    day = np.arange(len(outcome), dtype=float)
    return Interrupted(
        periods=PERIODS[:1],
        outcome=outcome,
        position=day,
        with_ai=(day >= n_before).astype(float)[:, None],
        controls=controls,
        volume=np.ones(1),
        cycles=(cycle,),
    )


def with_control(kind: str, rng: np.random.Generator) -> tuple[Interrupted, float]:
    """Return CausalImpact's setting, and the width of one who knows the errors' covariance."""
    day = np.arange(N_DAYS)
    control = 100 + rng.normal(size=N_DAYS).cumsum()
    correlation = float(kind) if kind[0].isdigit() else 0.0
    noise = autoregressive(rng, correlation, (1, N_DAYS))[0]
    covariance = correlation_matrix(correlation, N_DAYS)
    if kind == "wandering":
        noise += WALK * rng.normal(size=N_DAYS).cumsum()
        covariance = np.eye(N_DAYS) + WALK**2 * (1 + np.minimum.outer(day, day))
    if kind == "weekly":
        noise += 2 * np.sin(2 * np.pi * day / 7)
    series = interrupted(1.2 * control + noise, control[:, None], N_DAYS_BEFORE, 7.0)
    regressors = np.column_stack([series.with_ai, control - control.mean(), np.eye(7)[day % 7]])
    return series, oracle_width(regressors, covariance, np.eye(regressors.shape[1])[0])


def _with_control(kind: str, rng: np.random.Generator) -> Reading:
    series, width = with_control(kind, rng)
    return reading_of(interrupted_time_series(series), 0.0, width)


def _known_to_wander(rng: np.random.Generator) -> Reading:
    series, width = with_control("wandering", rng)
    return reading_of(interrupted_time_series(series, errors="local_level"), 0.0, width)


def _comparison_series(rng: np.random.Generator) -> Reading:
    """Read the series on which two ports of CausalImpact reject and R does not, on a new scale."""
    names = ("CHANGED", "NOT_CHANGED_1", "NOT_CHANGED_2", "NOT_CHANGED_3")
    values = columns("ci_comparison_data.csv", *names)
    values *= rng.uniform(0.01, 100) / values.std()
    series = interrupted(values[:, 0], values[:, 1:], COMPARISON_BEFORE, 7.0)
    return reading_of(interrupted_time_series(series), 0.0)


_PLAIN = {
    0.0: "before/after 93, OLS 95, Newey-West 90",
    0.4: "before/after 79, OLS 80, Newey-West 87",
    0.7: "before/after 55, OLS 57, Newey-West 74",
    0.9: "before/after 33, OLS 33, Newey-West 52",
}
_SHAPED = {0.0: "before/after 34", 0.4: "before/after 31", 0.7: "before/after 27"}
_NO_MEMORY = "a level that wanders cannot be ruled out"
_SHORT = "nobody can tell a slow walk under noise from none in 70 days: see the frontier below"

_WITH_CONTROL: tuple[tuple[str, str, str, Promise, str], ...] = (
    ("0.0", "correlation 0", "bsts 95.8, pyci 90, OLS 94.7", "conservative", _NO_MEMORY),
    ("0.5", "correlation 0.5", "bsts 79.8, pyci 70, OLS 75", "exact", ""),
    ("0.8", "correlation 0.8", "bsts 61.4, pyci 51, OLS 50", "exact", ""),
    ("weekly", "weekly season", "bsts 99.8, pyci 99, OLS 99.8", "conservative", _NO_MEMORY),
    ("wandering", "slow random walk", "bsts 70.4, pyci 62, OLS 61", "short", _SHORT),
)

SERIES: tuple[Cell, ...] = (
    *(
        Cell(
            name=f"D1 one weekly series, correlation {correlation}"
            + ("" if shape == "plain" else f", {shape}"),
            method="before_after",
            peers=_PLAIN[correlation]
            if shape == "plain"
            else _SHAPED.get(correlation, "before/after 25")
            if shape == "trend and season"
            else "",
            draw=partial(_one_series, correlation, shape),
            promise="exact" if correlation else "conservative",
            reason="" if correlation else _NO_MEMORY,
        )
        for shape, correlation in product(
            ("plain", "trend", "season", "trend and season"), (0.0, 0.4, 0.7, 0.9)
        )
    ),
    *(
        Cell(
            name=f"D2 series with a control, {label}",
            method="interrupted_time_series",
            peers=peers,
            draw=partial(_with_control, kind),
            promise=promise,
            reason=reason,
        )
        for kind, label, peers, promise, reason in _WITH_CONTROL
    ),
    Cell(
        name="D2 series with a control, slow random walk, expected",
        method="local_level",
        peers="bsts 70.4, pyci 62, OLS 61",
        draw=_known_to_wander,
        promise="short",
        reason="weighs a still level as CausalImpact's own vignette needs it",
    ),
    Cell(
        name="D2 CausalImpact's comparison series",
        method="interrupted_time_series",
        peers="R p .20; rejected by bsts (p .046) and pyci (p .015)",
        draw=_comparison_series,
        promise="conservative",
        reason="one real series: not rejected on any scale",
    ),
)
