"""Whether the front door permutes what went live, when it did: units one by one, or clusters."""

import numpy as np
import pytest

from aivalue.cli.estimate.showing import lines_of
from aivalue.effects.checks.check import CheckResult
from aivalue.effects.front_door.document import document_of_panel
from aivalue.effects.front_door.estimate_panel import estimate_panel
from aivalue.effects.front_door.ran import Options
from aivalue.effects.front_door.table import PanelTable
from aivalue.errors import NotEstimable

N_PERIODS = 10


def permuted(
    starts: list[int],
    *,
    n_units: int,
    effect: float,
    what: str = "units",
) -> CheckResult:
    """Estimate a table in which the first units (or clusters of three) go live at these times."""
    of = 1 if what == "units" else 3
    rng = np.random.default_rng(1)
    start = np.repeat([*starts, *[N_PERIODS] * (n_units - len(starts))], of)
    if what == "parts of clusters":
        start[0] = N_PERIODS
    with_ai = np.arange(N_PERIODS) >= start[:, None]
    outcome = np.repeat(rng.normal(size=(n_units, N_PERIODS)), of, axis=0) + effect * with_ai
    unit, time = np.indices(outcome.shape)
    table = PanelTable(
        unit=[f"u{row:02d}" for row in unit.ravel()],
        time=[str(column) for column in time.ravel()],
        outcome=outcome.ravel(),
        treated=with_ai.ravel(),
        covariates=np.empty((outcome.size, 0)),
        cluster=[f"c{row // of:02d}" for row in unit.ravel()] if of > 1 else (),
    )
    found = estimate_panel(table, estimator="imputation")
    return next(check for check in found.checks if check.name == "permutation")


def test_units_that_went_live_one_after_another_are_permuted_with_their_starts() -> None:
    # 12 x 11 x 10 ways to pick who went live first, second and third.
    found = permuted([5, 6, 7], n_units=12, effect=20.0)

    assert found.status == "passed"
    assert found.p_value == pytest.approx(1 / 1320)
    assert "all 1320 choices of 3 units" in found.detail


def test_clusters_that_went_live_as_a_whole_are_permuted_as_one() -> None:
    # As if units were alone there would be C(24, 9) ways, which their clusters do not have.
    found = permuted([5, 5, 5], n_units=8, effect=20.0, what="clusters")

    assert found.p_value == pytest.approx(1 / 56)
    assert "all 56 choices of 3 clusters" in found.detail


@pytest.mark.parametrize(
    ("starts", "n_units", "what", "why"),
    [
        ([5, 5], 6, "units", "15 assignments cannot give 95% confidence"),
        ([5, 5, 5], 6, "units", "p can be 0.1 at best"),
        ([5, 5, 5], 8, "parts of clusters", "went live in parts"),
        ([5] * 11, 14, "units", "11 treated units need no permutation"),
    ],
)
def test_it_says_why_it_does_not_apply(
    starts: list[int], n_units: int, what: str, why: str
) -> None:
    found = permuted(starts, n_units=n_units, effect=1.0, what=what)

    assert found.status == "not_applicable"
    assert why in found.detail


def few_of(n_units: int, n_treated: int, effect: float) -> PanelTable:
    rng = np.random.default_rng(11)
    with_ai = (np.arange(n_units)[:, None] < n_treated) & (np.arange(N_PERIODS) >= 6)
    outcome = 20 + rng.normal(size=(n_units, N_PERIODS)) + effect * with_ai
    unit, time = np.indices(outcome.shape)
    return PanelTable(
        unit=[f"u{row:02d}" for row in unit.ravel()],
        time=[str(column) for column in time.ravel()],
        outcome=outcome.ravel(),
        treated=with_ai.ravel(),
        covariates=np.empty((outcome.size, 0)),
    )


@pytest.mark.parametrize("effect", [0.0, -4.0])
@pytest.mark.parametrize("is_relative", [False, True])
def test_the_exact_interval_can_be_published_and_agrees_with_its_p_value(
    effect: float, *, is_relative: bool
) -> None:
    exact = Options(inference="permutation")

    found = estimate_panel(few_of(12, 3, effect), options=exact, is_relative=is_relative)

    assert found.by_permutation is not None
    assert found.by_permutation.n_assignments == 220
    assert found.p_value == found.by_permutation.p_value
    assert (found.p_value <= 0.05) == (not found.figure.low <= 0 <= found.figure.high)
    if not is_relative:
        assert found.figure.low == found.by_permutation.low


def test_what_cannot_be_permuted_is_not_published_as_if_it_were() -> None:
    with pytest.raises(NotEstimable, match="6 assignments cannot give 95% confidence"):
        estimate_panel(
            few_of(6, 1, 0.0), estimator="imputation", options=Options(inference="permutation")
        )


def test_it_stands_beside_the_calibrated_interval() -> None:
    found = estimate_panel(few_of(12, 3, 2.0))

    document = document_of_panel(found)
    exact = document["by_permutation"]
    assert isinstance(exact, dict)
    assert document["inference"] == "calibrated"
    assert exact["point"] == pytest.approx(found.figure.point)
    assert exact["low"] < exact["point"] < exact["high"]


def test_what_cannot_be_counted_says_so_by_name() -> None:
    # Nine of forty units at once: 40! / (9! 31!).
    found = estimate_panel(few_of(40, 9, 0.0), estimator="imputation")

    document = document_of_panel(found)
    said = dict(lines_of(found, outcome="cost", is_relative=False))
    assert document["by_permutation"] is None
    assert str(document["permutation_why_not"]).startswith("273438880 assignments of 9 among 40")
    assert said["Permuted"] == f"not: {document['permutation_why_not']}"
