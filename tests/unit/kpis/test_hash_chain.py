"""An entry that is edited, taken out, moved or put in breaks the chain at its place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.kpis.hash_chain import Link, chain_faults, linked

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def chain(n: int = 5) -> list[Link]:
    links: list[Link] = []
    for number in range(n):
        last = links[-1] if links else None
        links.append(
            linked(last, kind="kpi", subject=f"k@{number}", digest=f"{number:064}", recorded_at=NOW)
        )
    return links


def test_what_was_appended_holds() -> None:
    assert chain_faults(chain()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "target"},
        {"subject": "other"},
        {"digest": "f" * 64},
        {"recorded_at": NOW + timedelta(microseconds=1)},
        {"previous_hash": "f" * 64},
        {"hash": "f" * 64},
    ],
)
def test_an_edited_entry_is_named(change: dict[str, object]) -> None:
    links = chain()
    links[2] = replace(links[2], **change)  # type: ignore[arg-type]

    assert 3 in {position for position, _ in chain_faults(links)}


@given(st.permutations(range(5)).filter(lambda order: order != sorted(order)))
def test_no_other_order_holds(order: list[int]) -> None:
    links = chain()

    assert chain_faults([links[position] for position in order])


@given(st.integers(0, 3))
def test_a_missing_entry_is_named(position: int) -> None:
    links = chain()
    del links[position]

    assert (position + 1, f"is missing: the next entry has position {position + 2}") in (
        chain_faults(links)
    )


def test_the_offset_of_an_instant_is_no_part_of_it() -> None:
    east = NOW.astimezone().replace(tzinfo=None).astimezone()

    here = linked(None, kind="k", subject="s", digest="d", recorded_at=NOW)
    there = linked(None, kind="k", subject="s", digest="d", recorded_at=east)

    assert here.hash == there.hash
