"""Measurements of a batch, those of one series and day side by side; pure.

A row an event would cost as much as all the rest of storing it. Nobody asks for one measurement:
what is read are days, and those as statistics unless something on them was taken back.
"""

import itertools
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from services.ingest.batch import Batch
from services.ingest.queries.storing import Run
from services.ingest.storing import rows
from services.ingest.storing.identities import Ids


def runs_of(batch: Batch, ids: Ids, *, without: AbstractSet[int]) -> list[Run]:
    """Gather what the events measure, but some, in the order of the log."""
    runs: list[Run] = []
    first = 0
    for stretch in batch.stretches:
        events, end = stretch.events, first + len(stretch.kept)
        series = ids.series[first:end]
        runs += rows.runs(
            stretch.origin, stretch.kept, events.days, events.measured, series, without, first
        )
        first = end
    return runs


def runs_but(runs: Sequence[Run], batch: Batch, gone: Iterable[int]) -> list[Run]:
    """Take events out of the runs of a batch; most runs have none of them, and stay as they are."""
    lost: dict[tuple[int, int], set[str]] = {}
    for seq in gone:
        origin = batch.stretches[batch.stretch_number(seq)].origin
        offset = str(batch.records[seq].offset)
        lost.setdefault((origin.log_id, origin.partition), set()).add(offset)
    left: list[Run] = []
    for run in runs:
        offsets = lost.get((run.log_id, run.partition), set())
        if offsets.isdisjoint(run.offsets):
            left.append(run)
        elif not offsets.issuperset(run.offsets):
            left.append(_run_but(run, offsets))
    return left


def _run_but(run: Run, offsets: AbstractSet[str]) -> Run:
    kept = [offset not in offsets for offset in run.offsets]
    return replace(
        run,
        offsets=list(itertools.compress(run.offsets, kept)),
        numbers=list(itertools.compress(run.numbers, kept)),
        numerators=list(itertools.compress(run.numerators, kept)),
        denominators=list(itertools.compress(run.denominators, kept)),
    )
