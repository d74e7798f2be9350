"""A plan says exactly which field changes from what to what."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from aivalue.kpis.canonical import Json, body_of, canonical_bytes, sha256_of
from aivalue.kpis.change import Difference, plan_change
from aivalue.kpis.definition import Portfolio

BODIES: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=8,
)


def portfolio(hurdle_rate: str) -> Portfolio:
    return Portfolio(
        key="p", name="P", owner="COO", reporting_currency="EUR", hurdle_rate=Decimal(hurdle_rate)
    )


def test_what_was_not_there_is_created_as_version_one() -> None:
    change = plan_change(kind="k", key="a", version=0, current=None, wanted={"name": "A"})

    assert (change.action, change.version) == ("create", 1)
    assert change.diff == (Difference(path="name", before=None, after="A"),)


def test_a_nested_field_is_named_by_its_path() -> None:
    change = plan_change(
        kind="design",
        key="a",
        version=3,
        current={"baseline": {"start": "2023-01-01", "end": "2024-01-01"}, "kpis": ["x"]},
        wanted={"baseline": {"start": "2023-02-01", "end": "2024-01-01"}, "kpis": ["x"]},
    )

    assert (change.action, change.version) == ("change", 4)
    assert change.diff == (
        Difference(path="baseline.start", before="2023-01-01", after="2023-02-01"),
    )


@given(BODIES)
def test_equal_bodies_are_no_change(body: Json) -> None:
    change = plan_change(
        kind="k", key="a", version=5, current={"body": body}, wanted={"body": body}
    )

    assert (change.action, change.version, change.diff) == ("none", 5, ())


def test_the_scale_of_a_decimal_is_not_part_of_the_canonical_form() -> None:
    assert body_of(portfolio("0.10")) == body_of(portfolio("0.1"))
    assert body_of(portfolio("0.10"))["hurdle_rate"] == "0.1"


def test_canonical_bytes_have_sorted_keys_and_no_white_space() -> None:
    assert canonical_bytes({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'.encode()


@given(st.dictionaries(st.text("abcdef", min_size=1), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_change_the_digest(body: dict[str, int]) -> None:
    turned = dict(reversed(list(body.items())))

    assert sha256_of(dict(body)) == sha256_of(dict(turned))
