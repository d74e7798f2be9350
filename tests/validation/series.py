"""D1 and D2: one series, without and with a control.

Peers: bsts is bsts-causalimpact 1.7, pyci pycausalimpact.
"""

from dataclasses import replace
from functools import cache, partial
from itertools import product

import numpy as np

from aivalue.effects.checks.wandering_level import wandering_level
from aivalue.effects.estimators.before_after import before_after
from aivalue.effects.estimators.interrupted_time_series import (
    Errors,
    Interrupted,
    interrupted_time_series,
    levels,
)
from aivalue.effects.panel import Floats
from tests.unit.effects.reference import columns
from tests.validation.cell import WIDTH_MAX, Cell, Promise, Reading, reading_of
from tests.validation.worlds import (
    PERIODS,
    correlation_matrix,
    oracle_width,
    walk_matrix,
    weekly,
    weekly_oracle_width,
)

N_DAYS_BEFORE, N_DAYS_AFTER = 70, 30
N_DAYS = N_DAYS_BEFORE + N_DAYS_AFTER
REMEMBERED = 0.9  # Correlation of what is under noise.
WALK = 0.1  # Step of the wandering level, in standard deviations of the noise.
COMPARISON_BEFORE = 90
_STEPS = {"wandering": WALK, "wandering fast": 2 * WALK}
EXACT_FROM = 0.7  # Below it, errors that remember longer than they do cannot be ruled out.


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


def with_control(
    kind: str, rng: np.random.Generator, n_before: int = N_DAYS_BEFORE
) -> tuple[Interrupted, float]:
    """Return CausalImpact's setting, and the width of one who knows the errors' covariance."""
    n = n_before + N_DAYS_AFTER
    day = np.arange(n)
    control = 100 + rng.normal(size=n).cumsum()
    covariance = _covariance(kind, n)
    noise = _root(kind, n) @ rng.normal(size=n)
    if kind == "weekly":
        noise += 2 * np.sin(2 * np.pi * day / 7)
    series = interrupted(1.2 * control + noise, control[:, None], n_before, 7.0)
    regressors = np.column_stack([series.with_ai, control - control.mean(), np.eye(7)[day % 7]])
    return series, oracle_width(regressors, covariance, np.eye(regressors.shape[1])[0])


@cache
def _covariance(kind: str, n: int) -> Floats:
    if kind in _STEPS:
        return walk_matrix(_STEPS[kind], n)
    if kind == "under noise":
        return (correlation_matrix(REMEMBERED, n) + np.eye(n)) / 2
    return correlation_matrix(float(kind) if kind[0].isdigit() else 0.0, n)


@cache
def _root(kind: str, n: int) -> Floats:
    return np.asarray(np.linalg.cholesky(_covariance(kind, n)), np.float64)


def read_with_control(
    kind: str,
    errors: Errors,
    size: float,
    rng: np.random.Generator,
    *,
    n_before: int = N_DAYS_BEFORE,
    steady_by: str | None = None,
) -> Reading:
    """Read CausalImpact's setting after a step of this size, in deviations of the errors."""
    series, width = with_control(kind, rng, n_before)
    series = replace(series, outcome=series.outcome + size * series.with_ai[:, 0])
    found = levels(series, errors=errors, steady_by=steady_by)
    is_flagged = wandering_level(found).status == "failed"
    return replace(reading_of(found.published, size, width), is_flagged=is_flagged)


def _weekly_under_noise(size: float, rng: np.random.Generator) -> Reading:
    """Read a weekly series half of whose variance remembers, by .9, and half does not."""
    series = weekly(rng, REMEMBERED, shape="plain")
    shaken = 10 + (series.y - 10 + rng.normal(size=len(series.y))) / 2**0.5
    shaken += size * (series.share_treated.sum(axis=1) > 0)
    moved = replace(series, y=shaken, observed=shaken @ series.share_treated / series.volume)
    return reading_of(before_after(moved), size)


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
_SHORT_MEMORY = "a memory as short as this leaves longer ones open"
_OPEN = "a walk as slow as this looks steady: the interval allows for any"
_WIDTHS = {_NO_MEMORY: 1.75, _OPEN: 1.4}  # Where the level is left open more often than not.

_OF_NONE, _OF_SOME, _OF_MUCH = (
    "bsts 95.8, pyci 90, OLS 94.7",
    "bsts 79.8, pyci 70, OLS 75",
    "bsts 61.4, pyci 51, OLS 50",
)
_OF_WEEKS, _OF_WALKS = "bsts 99.8, pyci 99, OLS 99.8", "bsts 70.4, pyci 62, OLS 61"
_WITH_CONTROL: tuple[tuple[str, Errors, str, str, Promise, str], ...] = (
    ("0.0", "averaged", "correlation 0", _OF_NONE, "conservative", _NO_MEMORY),
    ("0.5", "averaged", "correlation 0.5", _OF_SOME, "exact", ""),
    ("0.8", "averaged", "correlation 0.8", _OF_MUCH, "exact", ""),
    ("weekly", "averaged", "weekly season", _OF_WEEKS, "conservative", _NO_MEMORY),
    ("wandering", "averaged", "slow random walk", _OF_WALKS, "exact", ""),
    ("under noise", "averaged", "correlation 0.9 under noise", "", "conservative", _OPEN),
    ("wandering", "local_level", "slow random walk, expected", _OF_WALKS, "exact", ""),
    ("0.0", "bootstrap", "correlation 0, simulated", _OF_NONE, "conservative", _NO_MEMORY),
    ("0.5", "bootstrap", "correlation 0.5, simulated", _OF_SOME, "exact", ""),
    ("0.8", "bootstrap", "correlation 0.8, simulated", _OF_MUCH, "exact", ""),
    (
        "under noise",
        "bootstrap",
        "correlation 0.9 under noise, simulated",
        "",
        "conservative",
        _OPEN,
    ),
)
_METHOD: dict[Errors, str] = {
    "averaged": "interrupted_time_series",
    "bootstrap": "autoregressive_bootstrap",
    "local_level": "local_level",
}


def _after(size: int) -> str:
    return f", an effect of {size}" if size else ""


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
            promise="exact" if correlation >= EXACT_FROM else "conservative",
            reason=""
            if correlation >= EXACT_FROM
            else _SHORT_MEMORY
            if correlation
            else _NO_MEMORY,
            width_max=WIDTH_MAX if correlation else _WIDTHS[_NO_MEMORY],
        )
        for shape, correlation in product(
            ("plain", "trend", "season", "trend and season"), (0.0, 0.4, 0.7, 0.9)
        )
    ),
    *(
        Cell(
            name="D1 one weekly series, correlation 0.9 under noise" + _after(size),
            method="before_after",
            draw=partial(_weekly_under_noise, float(size)),
        )
        for size in (0, 1, 2)
    ),
    *(
        Cell(
            name=f"D2 series with a control, {label}",
            method=_METHOD[errors],
            peers=peers,
            draw=partial(read_with_control, kind, errors, 0.0),
            promise=promise,
            reason=reason,
            width_max=_WIDTHS.get(reason, WIDTH_MAX),
        )
        for kind, errors, label, peers, promise, reason in _WITH_CONTROL
    ),
    *(
        Cell(
            name=f"D2 series with a control, {label}" + _after(size),
            method="interrupted_time_series",
            draw=partial(read_with_control, kind, "averaged", float(size)),
            promise="conservative" if reason else "exact",
            reason=reason,
            width_max=_WIDTHS.get(reason, WIDTH_MAX),
            flagged_max=most,
        )
        for kind, label, size, reason, most in (
            ("wandering", "slow random walk", 1, "", 1.0),
            ("wandering", "slow random walk", 2, "", 1.0),
            ("under noise", "correlation 0.9 under noise", 1, _OPEN, 1.0),
            ("under noise", "correlation 0.9 under noise", 2, _OPEN, 1.0),
            ("0.0", "correlation 0", 1, _NO_MEMORY, 1.0),
            ("0.0", "correlation 0", 2, _NO_MEMORY, 0.05),
            ("0.8", "correlation 0.8", 4, "", 0.05),
        )
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
