"""CPU time to freeze and assess two years of 1,000 units: `python bench/freeze.py [UNITS]`.

The yardstick of the same run: the standard library reading and writing the same JSON once.
"""

import json
import sys
import time
from datetime import date, timedelta

from aivalue.baselines.freeze import Subject, freeze
from aivalue.baselines.readiness.assess import assess
from aivalue.baselines.readiness.power import Plan
from aivalue.baselines.window import Scope
from aivalue.kpis.definition import Kpi, Window
from aivalue.kpis.series import COLUMNS, series_from_columns

START, N_DAYS = date(2022, 1, 1), 730


def columns(n_units: int) -> dict[str, list[object]]:
    """By value, with distinct sums in every row, as ingest would answer."""
    days = [(START + timedelta(days=day)).isoformat() for day in range(N_DAYS)]
    rows = n_units * N_DAYS
    cells: dict[str, list[object]] = {name: ["0"] * rows for name in COLUMNS}
    own: dict[str, list[object]] = {
        "unit": [f"unit-{unit:05}" for unit in range(n_units) for _ in days],
        "segment": [""] * rows,
        "arm": [""] * rows,
        "day": list[object](days) * n_units,
        "n": [3] * rows,
        "sum": [f"{row % 9973}.{row % 97:02}" for row in range(rows)],
        "sum_squares": [f"{row % 99991}.{row % 9973:04}" for row in range(rows)],
        "minimum": ["1.5"] * rows,
        "maximum": ["3.5"] * rows,
    }
    return cells | own


def _timed(seconds: float, plain: float) -> str:
    return f"{seconds:.1f} s ({seconds / plain:.1f} x)"


def main() -> None:
    """Print seconds and bytes as one line."""
    n_units = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    answer = columns(n_units)
    kpi = Kpi(key="k", process="p", name="K", unit="min", better_when="lower", aggregation="mean")
    subject = Subject(initiative="i", kpi=kpi, kpi_version=1, kpi_sha256="", go_live=None)
    scope = Scope(window=Window(start=START, end=START + timedelta(days=N_DAYS)))
    yardstick = time.process_time()
    json.loads(json.dumps(answer))
    begun = time.process_time()
    plain = begun - yardstick
    series = series_from_columns("k", answer)
    read = time.process_time()
    frozen = freeze(series, subject=subject, scope=scope, today=date(2025, 1, 1))
    done = time.process_time()
    plan = Plan(n_treated=max(n_units // 4, 1), n_weeks=26, target=0.1, better_when="lower")
    assess(series, kpi=kpi, scope=scope, plan=plan)
    assessed = time.process_time()
    print(
        f"{n_units} units x {N_DAYS} days: read {_timed(read - begun, plain)}, "
        f"freeze {_timed(done - read, plain)}, readiness {_timed(assessed - done, plain)}, "
        f"{len(frozen.content) / 1e6:.1f} MB; JSON written and read once {plain:.1f} s"
    )


if __name__ == "__main__":
    main()
