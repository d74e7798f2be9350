"""Panels under a phased rollout for tests: reference data sets, and simulated worlds."""

import csv
import gzip
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from aivalue.effects.estimators.staggered import StaggeredPanel
from aivalue.effects.panel import Floats, Integers, months_between

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
NEVER = 99


def expected(entry: str) -> Any:
    """Return the published or independently computed answer of an entry."""
    entries = json.loads((REFERENCE / "expected.json").read_text())
    return next(item["expected"] for item in entries if item["id"] == entry)


def rows_of(name: str) -> list[dict[str, str]]:
    """Read a reference file."""
    path = REFERENCE / name
    if path.suffix == ".gz":
        with gzip.open(path, "rt") as file:
            return list(csv.DictReader(file))
    with path.open() as file:
        return list(csv.DictReader(file))


def panel_of(outcome: Floats, first_treated: Integers | list[int], **rest: Any) -> StaggeredPanel:
    """Name the units and months of a matrix."""
    n_units, n_periods = outcome.shape
    return StaggeredPanel(
        outcome=outcome,
        first_treated=np.asarray(first_treated),
        units=tuple(f"u{row:02d}" for row in range(n_units)),
        periods=months_between(date(2000, 1, 1), date(2099, 1, 1))[:n_periods],
        **rest,
    )


def reference_panel(
    name: str, columns: Mapping[str, str], *, covariate: str | None = None
) -> tuple[StaggeredPanel, int]:
    """Read a long table; return the panel and the label of its first period.

    `columns` names the table's unit, time, start (0 is never) and outcome.
    """
    rows = rows_of(name)
    units = sorted({float(row[columns["unit"]]) for row in rows})
    times = sorted({int(row[columns["time"]]) for row in rows})
    place = {unit: index for index, unit in enumerate(units)}
    outcome = np.full((len(units), len(times)), np.nan)
    start = np.full(len(units), NEVER)
    covariates = np.zeros((len(units), 1))
    for row in rows:
        unit = place[float(row[columns["unit"]])]
        outcome[unit, times.index(int(row[columns["time"]]))] = float(row[columns["outcome"]])
        if float(row[columns["start"]]) > 0:
            start[unit] = int(float(row[columns["start"]])) - times[0]
        if covariate:
            covariates[unit] = float(row[covariate])
    extra = {"covariates": covariates} if covariate else {}
    return panel_of(outcome, start, **extra), times[0]


def drifting(
    rng: np.random.Generator, shape: tuple[int, int], *, correlation: float = 0.6
) -> Floats:
    """Autocorrelated noise with unit variance, a level per unit and a shock per period."""
    n_units, n_periods = shape
    noise = rng.normal(size=shape)
    for period in range(1, n_periods):
        carried = np.sqrt(1 - correlation**2) * noise[:, period]
        noise[:, period] = correlation * noise[:, period - 1] + carried
    return noise + rng.normal(0, 2, (n_units, 1)) + rng.normal(0, 1, n_periods)
