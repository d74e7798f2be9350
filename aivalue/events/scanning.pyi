from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol

from aivalue.events.columns import Columns

class _Said(Protocol):
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...

class Scanner:
    def __init__(self, structured_headers: AbstractSet[tuple[str, bytes | None]]) -> None: ...
    def leading(self, records: Sequence[_Said], start: int, end: int, now: datetime) -> Columns: ...
