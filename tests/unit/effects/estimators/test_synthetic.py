"""Known answers, certificates and metamorphic relations of synthetic control and synthetic DiD."""

from collections.abc import Collection

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aivalue.effects.donor_weights.simplex import simplex_least_squares
from aivalue.effects.estimators.synthetic_control import synthetic_control
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    synthetic_difference_in_differences,
)
from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable
from tests.unit.effects.reference import expected, table


def wide(
    file: str, unit: str, time: str, outcome: str, *, without: Collection[str] = ()
) -> tuple[list[str], list[str], Floats]:
    rows = [row for row in table(file) if row[unit] not in without]
    units, times = sorted({row[unit] for row in rows}), sorted({row[time] for row in rows})
    values = np.full((len(units), len(times)), np.nan)
    for row in rows:
        values[units.index(row[unit]), times.index(row[time])] = float(row[outcome])
    return units, times, values


def california() -> tuple[Floats, Floats, list[str]]:
    units, _, values = wide("prop99.csv", "State", "Year", "PacksPerCapita")
    row = units.index("California")
    return values[row], np.delete(values, row, axis=0), [u for u in units if u != "California"]


def test_tobacco_weights_are_the_optimum_with_a_certificate() -> None:
    treated, donors, names = california()
    wanted = expected("prop99.sc.qp")

    found = synthetic_control(treated, donors, 19)

    assert found.effect == pytest.approx(wanted["att"], abs=0.002)
    assert found.squares_before <= 52.1297
    assert found.certificate <= 1e-6
    weights = dict(zip(names, found.weights, strict=True))
    assert {name: weights[name] for name in wanted["w"]} == pytest.approx(wanted["w"], abs=0.002)
    assert found.effect == pytest.approx(expected("prop99.sc.att_R")["att"], abs=0.12)


def test_tobacco_ranks_among_all_placebos() -> None:
    treated, donors, _ = california()

    found = synthetic_control(treated, donors, 19)

    # Abadie et al. (2010): no larger ratio of errors in 38 donors once; exact weights give 3 of 39.
    assert found.rank_p_value() == pytest.approx(3 / 39)


@pytest.mark.parametrize(
    ("file", "columns", "treated", "n_before", "without"),
    [
        ("basque.csv", ("regionno", "year", "gdpcap"), "17.0", 20, ("1.0",)),
        ("kansas.csv", ("state", "year_qtr", "lngdpcapita"), "Kansas", 89, ()),
    ],
)
def test_matches_augsynth(
    file: str,
    columns: tuple[str, str, str],
    treated: str,
    n_before: int,
    without: tuple[str, ...],
) -> None:
    units, _, values = wide(file, *columns, without=without)
    row = units.index(treated)

    found = synthetic_control(values[row], np.delete(values, row, axis=0), n_before)

    if file == "basque.csv":
        wanted = expected("basque.scm.outcome")
        assert found.effect == pytest.approx(wanted["att_post_mean"], abs=0.001)
        assert found.gap.mean() == pytest.approx(wanted["mean_gap_all_periods"], abs=0.001)
        assert found.imbalance == pytest.approx(wanted["l2_imbalance"], abs=0.001)
    else:
        wanted = expected("kansas.scm")
        assert found.effect == pytest.approx(wanted["att"], abs=1e-5)
        assert found.imbalance == pytest.approx(wanted["l2"], abs=1e-5)


def test_matches_geolift_without_levels() -> None:
    units, _, values = wide("geolift_test.csv", "location", "date", "Y")
    rows = [units.index("chicago"), units.index("portland")]
    treated, donors = values[rows].mean(axis=0), np.delete(values, rows, axis=0)
    wanted = expected("geolift.scm_fe")

    found = synthetic_control(treated, donors, 90, without_levels=True)

    after = found.gap[90:]
    level = treated[90:].sum() - after.sum()
    assert found.effect == pytest.approx(wanted["att"], abs=0.05)
    # "Incremental" is over both treated markets.
    assert 2 * after.sum() == pytest.approx(wanted["incremental"], abs=1)
    assert after.sum() / level == pytest.approx(wanted["lift"], abs=1e-4)
    assert found.imbalance == pytest.approx(wanted["l2"], abs=0.01)


def test_german_weights_match_scpi() -> None:
    units, _, values = wide("germany.csv", "country", "year", "gdp")
    row = units.index("West Germany")
    names = [unit for unit in units if unit != "West Germany"]
    wanted = expected("germany.scpi.simplex")

    found = synthetic_control(values[row] / 1000, np.delete(values, row, axis=0) / 1000, 31)

    weights = dict(zip(names, found.weights, strict=True))
    assert {name: weights[name] for name in wanted["w"]} == pytest.approx(wanted["w"], abs=0.002)
    assert values[row, 31] / 1000 - found.gap[31] == pytest.approx(wanted["fit_1991"], abs=0.002)


def test_synthetic_difference_matches_the_paper() -> None:
    treated, donors, _ = california()
    wanted = expected("prop99.sdid.att")

    found = synthetic_difference_in_differences(treated[None], donors, 19)

    assert found.average == pytest.approx(wanted["att"], abs=0.002)
    assert found.average == pytest.approx(wanted["att_tight_1e-6"], abs=2e-4)
    assert found.noise == pytest.approx(wanted["noise_level"], rel=1e-9)
    assert found.penalty == pytest.approx(wanted["zeta_omega"], rel=1e-9)


def test_synthetic_difference_uses_every_placebo() -> None:
    treated, donors, _ = california()
    wanted = expected("prop99.sdid.placebo_se_exhaustive")

    found = synthetic_difference_in_differences(treated[None], donors, 19)

    assert found.standard_error() == pytest.approx(wanted["se_pop"], rel=0.005)
    assert found.rank_p_value() == pytest.approx(wanted["rank_p_two_sided"])


def low_rank(seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    panel = rng.normal(size=(15, 2)) @ rng.normal(size=(2, 14)) + 0.3 * rng.normal(size=(15, 14))
    return panel[:2], panel[2:]


@given(seed=st.integers(0, 30), shift=st.integers(-100, 100), scale=st.sampled_from([1e-6, 1e6]))
@settings(max_examples=15, deadline=None)
def test_shifts_cancel_and_scale_scales(seed: int, shift: int, scale: float) -> None:
    treated, donors = low_rank(seed)
    # A common trend; other common shocks change the noise level that the penalty is made of.
    by_period = shift * np.arange(14)
    by_unit = shift * np.cos(np.arange(13))[:, None]

    plain = synthetic_difference_in_differences(treated, donors, 10)
    moved = synthetic_difference_in_differences(
        (treated + by_period + shift) * scale, (donors + by_period + by_unit) * scale, 10
    )

    assert moved.average == pytest.approx(plain.average * scale, rel=1e-5, abs=1e-6 * scale)
    assert moved.unit_weights == pytest.approx(plain.unit_weights, abs=1e-6)


@given(seed=st.integers(0, 30), shift=st.integers(-100, 100))
@settings(max_examples=15, deadline=None)
def test_each_block_moves_the_effect_by_its_sign(seed: int, shift: int) -> None:
    treated, donors = low_rank(seed)
    plain = synthetic_difference_in_differences(treated, donors, 10).average
    is_after = np.arange(14) >= 10

    changes = {
        (True, True): 1,
        (True, False): -1,
        (False, True): -1,
        (False, False): 1,
    }
    for (on_treated, on_after), sign in changes.items():
        added = shift * (is_after if on_after else ~is_after)
        moved = synthetic_difference_in_differences(
            treated + added * on_treated, donors + added * (not on_treated), 10
        )
        assert moved.average == pytest.approx(plain + sign * shift, abs=1e-5)


def test_the_order_of_donors_changes_nothing() -> None:
    treated, donors = low_rank(1)
    order = np.random.default_rng(2).permutation(len(donors))

    forward = synthetic_difference_in_differences(treated, donors, 10)
    shuffled = synthetic_difference_in_differences(treated, donors[order], 10)

    assert shuffled.average == pytest.approx(forward.average, rel=1e-9)
    assert shuffled.standard_error() == pytest.approx(forward.standard_error(), rel=1e-9)


@given(seed=st.integers(0, 200), n_rows=st.integers(2, 12), n_weights=st.integers(1, 20))
@settings(deadline=None)
def test_simplex_weights_come_with_their_proof(seed: int, n_rows: int, n_weights: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, target = rng.normal(size=(n_rows, n_weights)), rng.normal(size=n_rows)

    fit = simplex_least_squares(matrix, target)

    assert fit.weights.min() >= 0
    assert fit.weights.sum() == pytest.approx(1)
    assert fit.gap <= 1e-7 * max(1.0, fit.squares)
    others = rng.dirichlet(np.ones(n_weights), 50)
    assert (((others @ matrix.T - target) ** 2).sum(axis=1) >= fit.squares - 1e-7).all()


def test_repeated_donors_are_no_obstacle() -> None:
    rng = np.random.default_rng(3)
    donors = rng.normal(size=(4, 12)).cumsum(axis=1)
    twice = np.vstack([donors, donors])

    once = synthetic_control(donors.mean(axis=0), donors, 8)
    again = synthetic_control(donors.mean(axis=0), twice, 8)

    assert again.effect == pytest.approx(once.effect, abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "n_before", "reason"),
    [((1, 10), 8, "1 donors, needs 2"), ((5, 10), 1, "1 periods before"), ((5, 10), 10, "0 after")],
)
def test_refuses_what_it_cannot_fit(shape: tuple[int, int], n_before: int, reason: str) -> None:
    donors = np.random.default_rng(4).normal(size=shape)

    with pytest.raises(NotEstimable, match=reason):
        synthetic_control(donors[0], donors, n_before)


def test_refuses_a_missing_value_by_name() -> None:
    treated, donors = low_rank(5)
    donors[0, 0] = np.nan

    with pytest.raises(NotEstimable, match="missing in a period"):
        synthetic_difference_in_differences(treated, donors, 10)


def test_placebo_interval_covers_the_truth() -> None:
    # D6-like: one treated unit of 30 in a low-rank panel with AR noise; 150 draws put the Monte
    # Carlo error near 1.8 points.
    rng = np.random.default_rng(6)
    hits = 0
    for _ in range(150):
        noise = rng.normal(size=(20, 18))
        for period in range(1, 18):
            noise[:, period] += 0.5 * noise[:, period - 1]
        panel = rng.normal(size=(20, 1)) * np.sin(np.arange(18)) + noise
        found = synthetic_difference_in_differences(panel[:1], panel[1:], 12)
        margin = 2.101 * found.covariance().mean() ** 0.5  # t(.975, 18)
        hits += abs(found.average) <= margin

    assert 0.90 <= hits / 150 <= 0.98
