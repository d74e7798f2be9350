"""Whether shares of joint value are Shapley's, add up to the cent, and come from a joint model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivalue.effects.joint_counterfactual import joint_counterfactual
from aivalue.effects.overlap import in_cents, inseparable_sets, owen_shares, shapley_shares
from aivalue.errors import NotEstimable
from tests.unit.effects.reference import expected


def test_gloves() -> None:
    def pairs(chosen: frozenset[str]) -> float:
        return float("3" in chosen and bool(chosen & {"1", "2"}))

    shares = shapley_shares(["1", "2", "3"], pairs)

    assert list(shares.values()) == pytest.approx(expected("shapley.glove")["phi"], abs=1e-12)


def test_airport() -> None:
    costs = {"a": 8.0, "b": 11.0, "c": 13.0, "d": 18.0}

    shares = shapley_shares(list(costs), lambda s: max((costs[name] for name in s), default=0.0))

    assert list(shares.values()) == pytest.approx(expected("shapley.airport")["phi"], abs=1e-12)


def test_two_overlapping_initiatives() -> None:
    value = {"": 0.0, "A": 3.0, "B": 2.0, "AB": 3.5}

    shares = shapley_shares(["A", "B"], lambda chosen: value["".join(sorted(chosen))])

    wanted = expected("shapley.ai_overlap")
    assert list(shares.values()) == pytest.approx(wanted["phi"], abs=1e-12)
    assert (3.0 + 2.0) / sum(shares.values()) - 1 == pytest.approx(wanted["overstatement"])


games = st.lists(st.integers(-1000, 1000), min_size=16, max_size=16)


@given(games)
def test_shares_sum_to_the_joint_value_and_a_null_initiative_gets_nothing(
    values: list[int],
) -> None:
    names = ["a", "b", "c", "d"]

    def value(chosen: frozenset[str]) -> float:
        # "d" never changes anything.
        return float(values[sum(1 << names.index(name) for name in chosen if name != "d")])

    shares = shapley_shares(names, value)

    assert sum(shares.values()) == pytest.approx(value(frozenset(names)) - value(frozenset()))
    assert shares["d"] == 0.0
    without = shapley_shares(names[:3], value)
    assert {name: shares[name] for name in without} == pytest.approx(without)


@given(games)
def test_programmes_of_one_share_like_initiatives(values: list[int]) -> None:
    names = ["a", "b", "c", "d"]

    def value(chosen: frozenset[str]) -> float:
        return float(values[sum(1 << names.index(name) for name in chosen)])

    alone = owen_shares({name: [name] for name in names}, value)
    together = owen_shares({"all": names}, value)

    assert alone == pytest.approx(shapley_shares(names, value))
    assert together == pytest.approx(shapley_shares(names, value))


@given(st.dictionaries(st.text("abcdef", min_size=1), st.integers(-10_000, 10_000), min_size=1))
def test_cents_sum_to_the_total_whatever_the_order(thousandths: dict[str, int]) -> None:
    shares = {name: amount / 1000 for name, amount in thousandths.items()}
    total = round(sum(shares.values()) * 100)

    cents = in_cents(shares, total)

    assert sum(cents.values()) == total
    assert cents == in_cents(dict(reversed(shares.items())), total)
    assert all(abs(cents[name] - shares[name] * 100) <= 2 for name in shares)


def world(interaction: float) -> tuple[float, dict[str, float], dict[str, float]]:
    """Return the joint value, Shapley's shares, and the stand-alone effects that get summed."""
    rng = np.random.default_rng(1)
    start_a = rng.permutation(np.repeat([6, 10, 14, 99], 10))
    start_b = np.clip(start_a + rng.integers(-3, 6, 40), 6, 99)
    month = np.arange(20)
    at_work = {"A": month >= start_a[:, None], "B": month >= start_b[:, None]}
    effect = 3.0 * at_work["A"] + 2.0 * at_work["B"]
    effect = effect + interaction * (at_work["A"] & at_work["B"])
    level = rng.normal(10, 2, (40, 1)) + np.sin(month) + effect
    volume = np.full(level.shape, 100.0)
    model = joint_counterfactual(level, volume, at_work)
    truth = float((effect * volume).sum())
    shares = shapley_shares(model.initiatives, model.value)
    alone = {
        name: joint_counterfactual(level, volume, {name: active}).value(frozenset({name}))
        for name, active in at_work.items()
    }
    return truth, shares, alone


def test_the_joint_model_finds_the_joint_value_that_summing_overstates() -> None:
    # D11: A = 3, B = 2, together 1.5 less than their sum.
    truth, shares, alone = world(-1.5)

    assert sum(shares.values()) == pytest.approx(truth, rel=1e-9)
    assert sum(alone.values()) > 1.05 * truth


def test_without_interaction_shares_are_the_main_effects() -> None:
    truth, shares, _ = world(0.0)

    assert sum(shares.values()) == pytest.approx(truth, rel=1e-9)


def test_initiatives_that_are_never_apart_are_inseparable() -> None:
    observed = {frozenset("AB"): 50.0, frozenset("ABC"): 30.0, frozenset("C"): 20.0}

    assert inseparable_sets(["A", "B", "C"], observed, support_min=10) == [("A", "B")]


def test_refuses_initiatives_that_cannot_be_told_apart() -> None:
    rng = np.random.default_rng(2)
    both = np.arange(10) >= rng.integers(4, 12, 8)[:, None]
    level = rng.normal(size=(8, 10))

    with pytest.raises(NotEstimable, match="always at work together"):
        joint_counterfactual(level, np.ones_like(level), {"A": both, "B": both})


def test_refuses_more_initiatives_than_can_be_enumerated() -> None:
    with pytest.raises(NotEstimable, match="16 initiatives on one KPI"):
        shapley_shares([f"i{number}" for number in range(16)], lambda _: 0.0)


def test_refuses_shares_that_are_not_of_the_total() -> None:
    with pytest.raises(NotEstimable, match="not to 500 cents"):
        in_cents({"a": 1.0}, 500)
