"""Whether shares are Shapley's and Owen's, and sum to the total to the cent."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.effects.overlap import in_cents, owen_shares, shapley_shares
from aivalue.errors import NotEstimable
from tests.unit.effects.reference import expected

EXACT = 1e-12
NAMES = ["a", "b", "c", "d"]

games = st.lists(st.integers(-1000, 1000), min_size=16, max_size=16)


def game(values: list[int]) -> Callable[[frozenset[str]], float]:
    return lambda chosen: float(values[sum(1 << NAMES.index(name) for name in chosen)])


def test_gloves() -> None:
    def pairs(chosen: frozenset[str]) -> float:
        return float("3" in chosen and bool(chosen & {"1", "2"}))

    shares = shapley_shares(["1", "2", "3"], pairs)

    assert list(shares.values()) == pytest.approx(expected("shapley.glove")["phi"], abs=EXACT)


def test_airport() -> None:
    costs = {"a": 8.0, "b": 11.0, "c": 13.0, "d": 18.0}

    shares = shapley_shares(list(costs), lambda s: max((costs[name] for name in s), default=0.0))

    assert list(shares.values()) == pytest.approx(expected("shapley.airport")["phi"], abs=EXACT)


def test_two_overlapping_initiatives() -> None:
    value = {"": 0.0, "A": 3.0, "B": 2.0, "AB": 3.5}

    shares = shapley_shares(["A", "B"], lambda chosen: value["".join(sorted(chosen))])

    wanted = expected("shapley.ai_overlap")
    assert list(shares.values()) == pytest.approx(wanted["phi"], abs=EXACT)
    assert (3.0 + 2.0) / sum(shares.values()) - 1 == pytest.approx(wanted["overstatement"])


def test_fifteen_initiatives_are_enumerated() -> None:
    # Runways of 1 to 15: the k-th shares each of its first k metres with those at least as long.
    costs = {f"i{length:02d}": float(length) for length in range(1, 16)}
    wanted = np.cumsum([1 / (16 - length) for length in range(1, 16)])

    shares = shapley_shares(list(costs), lambda s: max((costs[name] for name in s), default=0.0))

    assert list(shares.values()) == pytest.approx(wanted, abs=1e-9)


@given(games)
def test_efficiency_shares_sum_to_the_joint_value(values: list[int]) -> None:
    value = game(values)

    shares = shapley_shares(NAMES, value)

    assert sum(shares.values()) == pytest.approx(value(frozenset(NAMES)) - value(frozenset()))


@given(games)
def test_null_player_gets_nothing_and_changes_nobody(values: list[int]) -> None:
    value = game(values)

    shares = shapley_shares(NAMES, lambda chosen: value(chosen - {"d"}))

    assert shares["d"] == 0.0
    without = shapley_shares(NAMES[:3], value)
    assert {name: shares[name] for name in without} == pytest.approx(without, abs=1e-9)


@given(games)
def test_symmetry_players_that_do_alike_get_alike(values: list[int]) -> None:
    def value(chosen: frozenset[str]) -> float:
        # Only how many of a and b are in counts.
        both = ["a", "b"][: len(chosen & {"a", "b"})]
        return game(values)(frozenset(both) | (chosen - {"a", "b"}))

    shares = shapley_shares(NAMES, value)

    assert shares["a"] == pytest.approx(shares["b"], abs=1e-9)


@given(games, games)
def test_additivity_shares_of_two_games_add_up(first: list[int], second: list[int]) -> None:
    both = shapley_shares(NAMES, lambda s: game(first)(s) + game(second)(s))

    one, other = shapley_shares(NAMES, game(first)), shapley_shares(NAMES, game(second))

    assert both == pytest.approx({name: one[name] + other[name] for name in NAMES}, abs=1e-8)


@given(games)
def test_programmes_of_one_and_one_programme_share_like_initiatives(values: list[int]) -> None:
    alone = owen_shares({name: [name] for name in NAMES}, game(values))
    together = owen_shares({"all": NAMES}, game(values))

    assert alone == pytest.approx(shapley_shares(NAMES, game(values)), abs=1e-9)
    assert together == pytest.approx(shapley_shares(NAMES, game(values)), abs=1e-9)


@given(games)
def test_a_programme_gets_what_it_would_get_as_one_player(values: list[int]) -> None:
    shares = owen_shares({"p": ["a", "b"], "q": ["c"], "r": ["d"]}, game(values))

    as_one = shapley_shares(
        ["p", "c", "d"],
        lambda s: game(values)((s - {"p"}) | ({"a", "b"} if "p" in s else frozenset())),
    )

    assert shares["a"] + shares["b"] == pytest.approx(as_one["p"], abs=1e-9)
    assert shares["c"] == pytest.approx(as_one["c"], abs=1e-9)


def test_owens_worked_example() -> None:
    # Gloves again, with left hands 1 and 2 in one programme: it and player 3 get one half each,
    # and 1 and 2 split their half.
    def pairs(chosen: frozenset[str]) -> float:
        return float("3" in chosen and bool(chosen & {"1", "2"}))

    shares = owen_shares({"left": ["1", "2"], "right": ["3"]}, pairs)

    assert shares == pytest.approx({"1": 0.25, "2": 0.25, "3": 0.5}, abs=EXACT)


@given(st.dictionaries(st.text("abcdef", min_size=1), st.integers(-10_000, 10_000), min_size=1))
def test_cents_sum_to_the_total_whatever_the_order(thousandths: dict[str, int]) -> None:
    shares = {name: amount / 1000 for name, amount in thousandths.items()}
    total = round(sum(thousandths.values()) / 10)

    cents = in_cents(shares, total)

    assert sum(cents.values()) == total
    assert cents == in_cents(dict(reversed(shares.items())), total)
    assert all(abs(cents[name] - shares[name] * 100) <= 1.5 for name in shares)


def test_a_cent_that_cannot_be_halved_goes_by_name() -> None:
    assert in_cents({"b": 0.5, "a": 0.5}, 101) == {"b": 50, "a": 51}
    assert in_cents({"b": -0.5, "a": -0.5}, -101) == {"b": -51, "a": -50}


def test_refuses_what_cannot_be_shared() -> None:
    with pytest.raises(NotEstimable, match="nobody to share with"):
        in_cents({}, 0)
    with pytest.raises(NotEstimable, match="not to 500 cents"):
        in_cents({"a": 1.0}, 500)
    with pytest.raises(NotEstimable, match="16 initiatives or programmes at once"):
        shapley_shares([f"i{number}" for number in range(16)], lambda _: 0.0)
    with pytest.raises(NotEstimable, match="named twice"):
        owen_shares({"p": ["a"], "q": ["a"]}, lambda _: 0.0)
