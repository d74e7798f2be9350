"""Which event ids a file used before, kept on disk: a file has more lines than memory has room."""

import hashlib
import sqlite3
from types import TracebackType
from typing import Self

from aivalue.events.event import Event
from aivalue.events.restating import digest_of_said


class SeenEvents:
    """Tells a repeated line from two lines that claim one identity and say different things."""

    def __init__(self) -> None:
        # An empty name is a private file of sqlite's own, gone when closed.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("pragma journal_mode = off")
        self._database.execute("pragma synchronous = off")
        self._database.execute("begin")
        self._database.execute(
            "create table seen (id blob primary key, said blob not null, line integer not null)"
            " without rowid"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def earlier(self, event: Event, *, line: int) -> tuple[int, bool] | None:
        """Return the line that used this id before, and whether it said the same; else note it."""
        identity = hashlib.sha256(f"{event.source}\0{event.id}".encode()).digest()[:16]
        # As ingest does: what differs in the digits of its numbers alone is the same event.
        said_now = digest_of_said(event)
        added = self._database.execute(
            "insert into seen values (?, ?, ?) on conflict do nothing",
            (identity, said_now, line),
        )
        if added.rowcount:
            return None
        first, said = self._database.execute(
            "select line, said from seen where id = ?", (identity,)
        ).fetchone()
        return int(first), said == said_now
