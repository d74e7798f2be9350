from collections.abc import Sequence

class BareRecord:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

def read_records(
    content: bytes, n_records: int, first: int, began: int, at_once: bool
) -> list[BareRecord] | None: ...
