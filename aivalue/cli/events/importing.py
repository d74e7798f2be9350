"""A table read once, from its first row to its last, into a spool of events ready to be sent.

The table is read and checked as a whole before anything is sent; what is sent afterwards is the
spool, so a table that changes in between cannot send what was never checked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aivalue.cli.events.kpi_check import Form
from aivalue.cli.events.prepared import Complaints, Line, Prepared, new_digest
from aivalue.cli.events.seen_queries import SeenEvents
from aivalue.cli.events.tables import READ_ROWS, Row, Table
from aivalue.cli.events.translation import CellProblem, Translated, Translation
from aivalue.events.business import MeasurementRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """A row beside what it becomes."""

    row: Row
    result: Translated | list[CellProblem]


async def prepare_table(
    table: Table,
    translation: Translation,
    *,
    spool: Path,
    advance: Callable[[int], None] = lambda _: None,
) -> Prepared:
    """Read every row and write its event to the spool.

    Raises
    ------
    UnreadableEvents
        What is wrong, with file, row and column.
    """
    complaints, digest = Complaints(), new_digest()
    n_rows = n_events = n_repeated = 0
    forms: set[tuple[str, Form]] = set()
    with SeenEvents() as seen, spool.open("wb") as out:
        async for row in table.rows:
            n_rows += 1
            if n_rows % READ_ROWS == 0:
                advance(READ_ROWS)
            result = _read(row, translation)
            if result is None:
                continue
            if isinstance(result, list):
                for problem in result:
                    complaints.add(_place(table, row, problem), problem.message)
                continue
            earlier = seen.earlier(result.event, line=row.number)
            if earlier is not None and earlier[1]:
                n_repeated += 1
            elif earlier is not None:
                complaints.add(
                    f"{table.name}:{row.number}:id",
                    f'is "{result.event.id}" as in row {earlier[0]}, which says something else: '
                    "`id` in the mapping needs the columns that tell them apart",
                )
            n_events += 1
            if isinstance(data := result.event.data, MeasurementRecorded):
                forms.add((data.kpi, "parts" if data.value is None else "value"))
            digest.update(result.value + b"\n")
            out.write(b"%d\t%s\n" % (row.number, result.value))
    if not n_rows:
        complaints.add(f"{table.name}:1", "the table has no row")
    complaints.raise_any(n_lines=n_rows)
    return Prepared(
        name=table.name,
        n_events=n_events,
        digest=digest.hexdigest(),
        lines=lambda: _lines(spool),
        n_repeated=n_repeated,
        forms=frozenset(forms),
    )


async def preview(table: Table, translation: Translation, *, n_rows: int) -> list[Previewed]:
    """Read the first rows, and no more."""
    shown: list[Previewed] = []
    async for row in table.rows:
        result = _read(row, translation)
        if result is not None:
            shown.append(Previewed(row=row, result=result))
        if len(shown) >= n_rows:
            break
    return shown


def _read(row: Row, translation: Translation) -> Translated | list[CellProblem] | None:
    if row.problem:
        return [CellProblem(column="", message=row.problem)]
    return translation.read(row) if translation.wants(row) else None


def _place(table: Table, row: Row, problem: CellProblem) -> str:
    column = f":{problem.column}" if problem.column else ""
    return f"{table.name}:{row.number}{column}"


def _lines(spool: Path) -> Iterator[Line]:
    with spool.open("rb") as file:
        for each in file:
            number, _, value = each.partition(b"\t")
            yield Line(number=int(number), value=value.rstrip(b"\n"))
