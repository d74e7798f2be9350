from aivalue.events.bare_record import BareRecord

def read_records(
    content: bytes, n_records: int, first: int, began: int, at_once: bool
) -> list[BareRecord] | None: ...
