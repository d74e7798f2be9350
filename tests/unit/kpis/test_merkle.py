"""Every part has a proof that leads to the root, and no other part has it."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from aivalue.kpis.merkle import leaf_of, proof_of, root_from, root_of

parts = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


@given(parts, st.data())
def test_every_part_leads_to_the_root(content: list[bytes], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(content) - 1))
    leaves = [leaf_of(each) for each in content]

    proof = proof_of(leaves, position)

    assert root_from(leaves[position], proof) == root_of(leaves)


@given(parts, st.data())
def test_another_part_does_not(content: list[bytes], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(content) - 1))
    other = data.draw(st.binary(max_size=8).filter(lambda each: each != content[position]))
    leaves = [leaf_of(each) for each in content]

    assert root_from(leaf_of(other), proof_of(leaves, position)) != root_of(leaves)


@given(parts, st.data())
def test_any_part_that_changes_changes_the_root(content: list[bytes], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(content) - 1))
    changed = [*content]
    changed[position] += b"x"

    assert root_of([leaf_of(each) for each in changed]) != root_of(
        [leaf_of(each) for each in content]
    )


def test_the_root_of_three_is_that_of_rfc_6962() -> None:
    a, b, c = (hashlib.sha256(b"\x00" + each).digest() for each in (b"a", b"b", b"c"))
    left = hashlib.sha256(b"\x01" + a + b).digest()

    assert root_of([leaf_of(each) for each in (b"a", b"b", b"c")]) == (
        hashlib.sha256(b"\x01" + left + c).hexdigest()
    )


def test_nothing_has_the_root_of_the_empty_tree() -> None:
    assert root_of([]) == hashlib.sha256(b"").hexdigest()
