from collections.abc import Sequence
from datetime import datetime

from aivalue.events.columns import Columns

class Scanner:
    def structured(self, values: Sequence[bytes], now: datetime) -> Columns | None: ...
    def binary(
        self,
        values: Sequence[bytes],
        headers: Sequence[Sequence[tuple[str, bytes | None]]],
        now: datetime,
    ) -> Columns | None: ...
