from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from aivalue.events.columns import Columns

class Scanner:
    def __init__(self, structured_headers: AbstractSet[tuple[str, bytes | None]]) -> None: ...
    def leading(
        self,
        values: Sequence[bytes | None],
        headers: Sequence[Sequence[tuple[str, bytes | None]]],
        start: int,
        now: datetime,
    ) -> Columns: ...
