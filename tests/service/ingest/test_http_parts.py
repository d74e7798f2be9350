"""Whether the parts of a request read together are what each of them is by itself."""

from hypothesis import example, given
from hypothesis import strategies as st

from aivalue.errors import InvalidEvent
from aivalue.events.event import Event
from aivalue.events.http_binding import STRUCTURED_JSON, decode_part
from services.ingest.http_parts import Part, read_parts
from tests.service.ingest.test_decoding import ATTRIBUTES, KINDS, NOW, record


def _part(number: int, kind: str) -> Part:
    """Make a part of a request that says what a record of the kind does."""
    made = record(number, kind)
    if kind == "binary":
        headers = [(f"ce-{name}", text) for name, text in ATTRIBUTES.items()]
        headers += [("ce-id", f"e%2D{number}"), ("content-type", "application/json")]
        return made.value or b"", headers
    return made.value or b"null", [("content-type", STRUCTURED_JSON)]


def _alone(part: Part) -> Event | tuple[str, str]:
    try:
        return decode_part(*part, now=NOW)
    except InvalidEvent as error:
        return error.reason, str(error)


@given(st.lists(st.sampled_from(KINDS), max_size=40))
@example(["plain", "binary", "plain", "cut", "plain"])
def test_parts_are_read_as_each_by_itself(kinds: list[str]) -> None:
    parts = [_part(number, kind) for number, kind in enumerate(kinds)]

    events, invalid = read_parts(parts, now=NOW)

    found = iter(events)
    together = [
        (invalid[index].reason, str(invalid[index])) if index in invalid else next(found)
        for index in range(len(parts))
    ]
    assert together == [_alone(part) for part in parts]
