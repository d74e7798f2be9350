"""Faults and schedules for as long as asked (make soak): what CI runs once, over and over.

First the fault tests, pass after pass, as long as another pass fits into three quarters of the
time (one pass always runs); then schedules that CI never drew, until time is up. Counts of all
passes add up in build/faults, and `make reliability` writes them.
"""

import argparse
import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Final

from tests.faults.bench import RESULTS

SUMMARY: Final = RESULTS.parent / "soak.json"
SHARE_OF_FAULTS: Final = 0.75
N_PROCESSES: Final = 2
_COUNTED: Final = ("rounds", "events", "records", "lost", "doubled", "phantom")
_TESTS: Final = (
    sys.executable, "-m", "pytest", "-q", "-n", str(N_PROCESSES), "--dist", "worksteal",
    "-m", "faults", "tests/faults",
)  # fmt: skip

Result = dict[str, object]
Results = dict[str, Result]


def main() -> None:
    """Run it, print a line, keep the figures; the first thing that fails ends it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    seconds = 60 * parser.parse_args().minutes
    begun = time.monotonic()
    n_passes, results = _faults(begun + SHARE_OF_FAULTS * seconds)
    _keep(results)
    n_schedules = _schedules(max(begun + seconds - time.monotonic(), 1 / N_PROCESSES))
    ours = [each for each in results.values() if "control" not in each]
    total = {name: sum(_count(each, name) for each in ours) for name in _COUNTED[:-1]}
    took = (time.monotonic() - begun) / 60
    summary: Result = {
        "at": datetime.now(UTC).date().isoformat(),
        "minutes": round(took, 1),
        "passes": n_passes,
        "schedules": n_schedules,
        **total,
    }
    SUMMARY.write_text(json.dumps(summary, indent=1) + "\n")
    sys.stdout.write(f"soak: {', '.join(f'{name} {what}' for name, what in summary.items())}\n")


def _faults(until: float) -> tuple[int, Results]:
    """Run passes as long as another one fits; return how many, and their results added up."""
    total: Results = {}
    n_passes, longest = 0, 0.0
    while not n_passes or time.monotonic() + longest < until:
        begun, began_at = time.monotonic(), time.time()
        subprocess.run(_TESTS, check=True)
        longest = max(longest, time.monotonic() - begun)
        n_passes += 1
        for path in RESULTS.glob("*.json"):
            if path.stat().st_mtime >= began_at:
                _add(total, path.name, json.loads(path.read_text()))
    return n_passes, total


def _add(total: Results, name: str, result: Result) -> None:
    before = total.get(name, {})
    sums: Result = {
        each: _count(before, each) + _count(result, each) for each in _COUNTED if each in result
    }
    total[name] = {**result, **sums}


def _count(result: Result, name: str) -> int:
    found = result.get(name, 0)
    assert isinstance(found, int)
    return found


def _keep(results: Results) -> None:
    for name, result in results.items():
        (RESULTS / name).write_text(json.dumps(result, indent=1) + "\n")


def _schedules(seconds: float) -> int:
    """Run new schedules in several processes; return how many."""
    command = [sys.executable, "-m", "tests.model.soak", str(seconds)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(N_PROCESSES)
    ]
    said = [each.communicate()[0] for each in running]
    failed = [each.returncode for each in running if each.returncode]
    if failed:
        raise SystemExit(f"a schedule failed: status {failed}")
    return sum(int(each) for each in said)


if __name__ == "__main__":
    main()
