"""Measure coverage and width of every cell: resumable, on several cores, with progress.

    make validate                                        the nightly size, 2,000 draws per cell
    python -m tests.validation.study --draws 200 --only D2

Draws are kept in build/validation/draws-SEED.jsonl and taken up again where a run ended; they
belong to the estimators as they were, so remove the folder when those change. Writes the table of
docs/validation.md and docs/validation.json with --page; cells that are not drawn keep what stood
there. Exits with 1 if a promise is not kept, with
3 if --minutes ran out before everything was drawn.
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from pathlib import Path

from tests.validation.cell import Cell, Reading
from tests.validation.cells import CELLS
from tests.validation.outcome import Outcome, outcome_of, shortfalls
from tests.validation.record import BATCH, Batch, appended, drawn, read
from tests.validation.report import as_json, as_markdown, into_page, with_earlier

BY_NAME = {cell.name: cell for cell in CELLS}
REPORT_SECONDS = 15.0
TIME_IS_UP = 3


def batch_of(name: str, seed: int, number: int) -> Batch:
    """Draw one batch; cells are named because what they draw with cannot be sent to a process."""
    return drawn(BY_NAME[name], seed=seed, number=number)


def draw_missing(
    path: Path, cells: list[Cell], *, draws: int, seed: int, jobs: int, until: float
) -> bool:
    """Draw what the file does not hold yet; return whether all of it was drawn in time."""
    held = {(batch.cell, batch.number) for batch in read(path) if batch.seed == seed}
    n_batches = -(-draws // BATCH)
    # Batch by batch through all cells: a run that is cut short has all cells at one size.
    wanted = [(cell.name, number) for number in range(n_batches) for cell in cells]
    left = iter([each for each in wanted if each not in held])
    done, shown = sum(each in held for each in wanted), time.monotonic()
    with ProcessPoolExecutor(jobs) as pool:
        running: set[Future[Batch]] = set()
        while True:
            if time.monotonic() < until:
                running |= _submitted(pool, left, seed, 2 * jobs - len(running))
            if not running:
                break
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                appended(path, future.result())
                done += 1
            if time.monotonic() - shown > REPORT_SECONDS:
                shown = time.monotonic()
                sys.stderr.write(f"{done} of {len(wanted)} batches of {BATCH} draws\n")
    return done == len(wanted)


def _submitted(
    pool: ProcessPoolExecutor, left: Iterator[tuple[str, int]], seed: int, room: int
) -> set[Future[Batch]]:
    return {pool.submit(batch_of, name, seed, number) for name, number in islice(left, room)}


def outcomes_of(path: Path, cells: list[Cell], *, draws: int, seed: int) -> list[Outcome]:
    """Count what the file holds, at most `draws` per cell."""
    readings: dict[str, list[Reading]] = defaultdict(list)
    for batch in sorted(read(path), key=lambda batch: batch.number):
        if batch.seed == seed:
            readings[batch.cell] += batch.readings
    return [outcome_of(cell, readings[cell.name][:draws]) for cell in cells if readings[cell.name]]


def main() -> int:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="cells whose name contains this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--folder", type=Path, default=Path("build/validation"))
    parser.add_argument("--page", type=Path, help="docs/validation.md, to write the table into")
    given = parser.parse_args()
    cells = [cell for cell in CELLS if given.only in cell.name]
    given.folder.mkdir(parents=True, exist_ok=True)
    path = given.folder / f"draws-{given.seed}.jsonl"
    until = time.monotonic() + 60 * given.minutes
    size = {"draws": given.draws, "seed": given.seed}
    is_done = draw_missing(path, cells, jobs=given.jobs, until=until, **size)
    outcomes = outcomes_of(path, cells, **size)
    sys.stdout.write(as_markdown(outcomes))
    if given.page is not None:
        written = given.page.with_suffix(".json")
        whole = with_earlier(outcomes, written.read_text(), list(CELLS), seed=given.seed)
        into_page(given.page, whole, seed=given.seed)
        written.write_text(as_json(whole, seed=given.seed))
    broken = [(each.cell.name, said) for each in outcomes for said in shortfalls(each)]
    for name, said in broken:
        sys.stderr.write(f"promise not kept: {name}: {said}\n")
    return (1 if broken else 0) if is_done else TIME_IS_UP


if __name__ == "__main__":
    sys.exit(main())
