"""Whether a user's own table leads to the right design, numbers, checks, or a refusal by name."""

from collections.abc import Callable

import numpy as np
import pytest

from aivalue.effects.front_door.document import document_of_panel
from aivalue.effects.front_door.estimate_panel import PanelEstimate, estimate_panel
from aivalue.effects.front_door.table import PanelTable
from aivalue.errors import NotEstimable
from tests.unit.effects.reference import expected, table

Row = dict[str, str]


def table_of(
    file: str,
    *,
    unit: str,
    time: str,
    outcome: str,
    treated: Callable[[Row], bool],
    covariates: tuple[str, ...] = (),
) -> PanelTable:
    rows = table(file)
    return PanelTable(
        unit=[row[unit] if unit else "0" for row in rows],
        time=[row[time] if time else str(line) for line, row in enumerate(rows)],
        outcome=np.array([float(row[outcome]) for row in rows]),
        treated=np.array([treated(row) for row in rows]),
        covariates=np.array([[float(row[name]) for name in covariates] for row in rows]).reshape(
            len(rows), len(covariates)
        ),
    )


def tobacco() -> PanelTable:
    return table_of(
        "prop99.csv",
        unit="State",
        time="Year",
        outcome="PacksPerCapita",
        treated=lambda row: row["treated"] == "1",
    )


def counties() -> PanelTable:
    return table_of(
        "mpdta.csv",
        unit="countyreal",
        time="year",
        outcome="lemp",
        treated=lambda row: 0 < int(row["first.treat"]) <= int(row["year"]),
    )


def names_of_checks(found: PanelEstimate) -> dict[str, str]:
    return {check.name: check.status for check in found.checks}


def test_one_treated_state_is_read_by_synthetic_difference() -> None:
    found = estimate_panel(tobacco(), better_when="lower")

    assert found.choice.design == "few_treated"
    assert found.effect.estimator == "synthetic_difference_in_differences"
    assert found.figure.point == pytest.approx(expected("prop99.sdid.att")["att"], abs=0.002)
    assert found.graded.grade == "B"
    statuses = names_of_checks(found)
    # Nineteen years before are too few beside twelve with the programme to shift time by.
    assert statuses.pop("conformal") == "not_applicable"
    assert set(statuses) == {
        *("placebo_in_space", "placebo_in_time", "permutation", "contamination"),
        *("leave_one_donor_out", "weight_concentration", "agreement", "unequal_scatter"),
    }
    assert set(statuses.values()) == {"passed"}
    assert {rival.estimator for rival in found.rivals} == {
        *("imputation", "callaway_santanna", "synthetic_control", "augmented_synthetic_control")
    }


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("sdid", -15.6055),
        ("synthetic_control", -19.5136),
        ("imputation", -27.349111083615),
        ("difference_in_differences", -27.349111083615),
        ("callaway_santanna", None),
    ],
)
def test_an_estimator_can_be_forced(name: str, point: float | None) -> None:
    found = estimate_panel(tobacco(), estimator=name, better_when="lower")

    assert found.choice.reason == "asked for"
    assert found.figure.low < found.figure.point < found.figure.high
    assert "placebo_in_time" in names_of_checks(found)
    if point is not None:
        assert found.figure.point == pytest.approx(point, abs=0.002)


def test_states_that_started_apart_are_doubted_by_what_both_were_before() -> None:
    later = table_of(
        "prop99.csv",
        unit="State",
        time="Year",
        outcome="PacksPerCapita",
        treated=lambda row: (
            row["treated"] == "1" or (row["State"] == "Nevada" and int(row["Year"]) >= 1992)
        ),
    )

    found = estimate_panel(later, estimator="sdid", better_when="lower")

    assert "placebo_in_time" in names_of_checks(found)


def test_one_block_is_the_double_difference_of_means() -> None:
    found = estimate_panel(tobacco(), estimator="did", better_when="lower")

    assert found.figure.point == pytest.approx(expected("prop99.did.att")["att"], abs=1e-9)


def test_staggered_counties_are_read_by_imputation_and_cross_checked() -> None:
    found = estimate_panel(counties())

    assert (found.choice.design, found.effect.estimator) == ("staggered", "imputation")
    assert found.figure.point == pytest.approx(expected("mpdta.bjs")["att"], abs=1e-6)
    assert names_of_checks(found)["agreement"] == "passed"
    assert found.verdict == "negative"


def test_callaway_santanna_is_the_published_simple_average() -> None:
    found = estimate_panel(counties(), estimator="callaway_santanna")

    wanted = expected("mpdta.cs.nevertreated")["simple"][0]
    assert found.figure.point == pytest.approx(wanted, abs=1e-9)


def test_one_row_per_user_is_an_experiment() -> None:
    users = table_of(
        "ab_users.csv",
        unit="user",
        time="",
        outcome="revenue",
        treated=lambda row: row["variant"] == "1",
    )
    once = PanelTable(
        unit=users.unit,
        time=["0"] * len(users.unit),
        outcome=users.outcome,
        treated=users.treated,
        covariates=users.covariates,
    )

    found = estimate_panel(once)

    wanted = expected("tt.plain")["r"]
    assert (found.choice.design, found.graded.grade) == ("randomized", "A")
    assert found.figure.point == pytest.approx(wanted["effect_size"], rel=1e-9)
    assert found.figure.low == pytest.approx(wanted["effect_size_ci_lower"], rel=1e-6)
    assert found.p_value == pytest.approx(wanted["pvalue"], rel=1e-6)


def test_one_series_is_read_with_its_controls() -> None:
    values = table("causalimpact_vignette.csv")
    series = PanelTable(
        unit=["site"] * len(values),
        time=[str(day) for day in range(len(values))],
        outcome=np.array([float(row["y"]) for row in values]),
        treated=np.arange(len(values)) >= 70,
        covariates=np.array([[float(row["x1"])] for row in values]),
    )

    found = estimate_panel(series)

    assert (found.choice.design, found.graded.grade) == ("series_only", "C")
    assert found.figure.point == pytest.approx(10.5, abs=0.15)


def test_p_value_and_interval_agree() -> None:
    for confidence in (0.5, 0.8, 0.9, 0.95, 0.99):
        found = estimate_panel(tobacco(), estimator="synthetic_control", confidence=confidence)

        excludes_zero = not found.figure.low <= 0 <= found.figure.high
        assert excludes_zero == (found.p_value < 1 - confidence)


def test_the_order_of_rows_changes_nothing() -> None:
    rows = counties()
    order = np.random.default_rng(1).permutation(len(rows.unit))
    shuffled = PanelTable(
        unit=[rows.unit[row] for row in order],
        time=[rows.time[row] for row in order],
        outcome=rows.outcome[order],
        treated=rows.treated[order],
        covariates=rows.covariates[order],
    )

    assert repr(estimate_panel(shuffled)) == repr(estimate_panel(rows))


def test_the_document_holds_what_a_reader_needs() -> None:
    document = document_of_panel(estimate_panel(tobacco(), better_when="lower"))

    assert set(document) >= {
        *("design", "estimator", "effect", "p_value", "grade", "verdict"),
        *("checks", "alternatives"),
    }
    assert document["effect"] == pytest.approx(
        {
            "point": -15.6054,
            "standard_error": 9.3607,
            "low": -35.0456,
            "high": 3.8348,
            "confidence": 0.95,
        },
        rel=1e-3,
    )


def test_missing_cells_are_refused_or_handled_by_name() -> None:
    rows = tobacco()
    kept = np.arange(len(rows.unit)) != 5
    holed = PanelTable(
        unit=[unit for unit, keep in zip(rows.unit, kept, strict=True) if keep],
        time=[time for time, keep in zip(rows.time, kept, strict=True) if keep],
        outcome=rows.outcome[kept],
        treated=rows.treated[kept],
        covariates=rows.covariates[kept],
    )

    found = estimate_panel(holed, better_when="lower")

    assert found.effect.estimator == "imputation"
    refused = {each.estimator: each.why_not for each in found.choice.alternatives}
    assert "not measured at every time" in refused["synthetic_difference_in_differences"]
    with pytest.raises(NotEstimable, match="has no outcome at time"):
        estimate_panel(holed, estimator="sdid")


def small(treated: list[list[int]], times: int = 4) -> PanelTable:
    n_units = len(treated)
    return PanelTable(
        unit=[f"u{row}" for row in range(n_units) for _ in range(times)],
        time=[str(time) for _ in range(n_units) for time in range(times)],
        outcome=np.random.default_rng(1).normal(size=n_units * times),
        treated=np.array(treated, bool).ravel(),
        covariates=np.empty((n_units * times, 0)),
    )


@pytest.mark.parametrize(
    ("rows", "wanted", "reason"),
    [
        ([[0, 0, 0, 0]] * 3, "auto", "no row is treated"),
        ([[0, 1, 1, 0], [0, 0, 0, 0]], "auto", "u0 has the AI from 1 on but not at 3"),
        ([[0, 0, 1, 1], [0, 0, 0, 0]], "magic", "no estimator is called magic"),
    ],
)
def test_refuses_with_the_reason(rows: list[list[int]], wanted: str, reason: str) -> None:
    with pytest.raises(NotEstimable, match=reason):
        estimate_panel(small(rows), estimator=wanted)


def test_refuses_two_rows_for_one_unit_and_time() -> None:
    rows = small([[0, 0, 1, 1], [0, 0, 0, 0]])
    doubled = PanelTable(
        unit=["u0"] * 4 + ["u0"] * 4,
        time=rows.time,
        outcome=rows.outcome,
        treated=rows.treated,
        covariates=rows.covariates,
    )

    with pytest.raises(NotEstimable, match="unit u0 has 2 rows at time 0"):
        estimate_panel(doubled)


@pytest.mark.parametrize(
    ("design", "estimator"),
    [
        ("few_treated", "synthetic_difference_in_differences"),
        ("staggered", "imputation"),
    ],
)
def test_a_design_asks_for_its_strongest_estimator(design: str, estimator: str) -> None:
    assert estimate_panel(tobacco(), estimator=design).choice.estimator == estimator


def test_a_design_that_the_table_does_not_permit_is_an_override() -> None:
    outcome = np.random.default_rng(4).normal(size=(24, 6))
    treated = (np.arange(24)[:, None] < 12) & (np.arange(6) >= 3)
    panel = PanelTable(
        unit=[f"u{unit}" for unit in range(24) for _ in range(6)],
        time=[str(time) for _ in range(24) for time in range(6)],
        outcome=outcome.ravel(),
        treated=treated.ravel(),
        covariates=np.empty((24 * 6, 0)),
    )

    found = estimate_panel(panel, estimator="randomized")
    answered = estimate_panel(panel, estimator="randomized", approver="E. Noether")

    assert found.choice.estimator == "difference_in_means"
    assert names_of_checks(found)["override"] == "failed"
    assert names_of_checks(answered)["override"] == "passed"


def test_one_that_was_asked_for_is_compared_with_what_the_table_would_be_read_by() -> None:
    asked = estimate_panel(tobacco(), estimator="synthetic_control", better_when="lower")

    assert asked.effect.estimator == "synthetic_control"
    assert [rival.estimator for rival in asked.rivals] == ["synthetic_difference_in_differences"]
    assert names_of_checks(asked)["agreement"] == "passed"


def test_the_flattering_one_stays_the_figure_but_is_flagged() -> None:
    # All units fall by the same shock at go-live: a series by itself takes it for the effect.
    rng = np.random.default_rng(6)
    outcome = rng.normal(size=(30, 40)) + np.where(np.arange(40) >= 30, -8.0, 0.0)
    treated = (np.arange(30)[:, None] < 3) & (np.arange(40) >= 30)
    panel = PanelTable(
        unit=[f"u{unit:02d}" for unit in range(30) for _ in range(40)],
        time=[str(time) for _ in range(30) for time in range(40)],
        outcome=outcome.ravel(),
        treated=treated.ravel(),
        covariates=np.empty((1200, 0)),
    )

    found = estimate_panel(panel, estimator="interrupted_time_series", better_when="lower")

    assert found.verdict == "confirmed"
    assert found.graded.grade == "C"
    assert names_of_checks(found)["agreement"] == "failed"


def test_a_time_before_in_which_units_are_alike_is_no_reason_to_refuse_an_experiment() -> None:
    rng = np.random.default_rng(11)
    outcome = np.column_stack([np.full(12, 5.0), rng.normal(size=(12, 2))])

    found = estimate_panel(
        PanelTable(
            unit=[f"u{unit:02d}" for unit in range(12) for _ in range(3)],
            time=["1", "2", "3"] * 12,
            outcome=outcome.ravel(),
            treated=np.array(
                [unit % 2 == 0 and time > 0 for unit in range(12) for time in range(3)]
            ),
            covariates=np.empty((36, 0)),
        ),
        estimator="difference_in_means",
        approver="Erika",
    )

    [before] = [check for check in found.checks if check.name == "covariate_not_affected"]
    assert (before.status, before.detail) == (
        "not_applicable",
        "nothing varies, so the uncertainty cannot be estimated",
    )


def test_a_series_that_was_never_measured_is_refused_with_its_controls() -> None:
    with pytest.raises(NotEstimable, match="no observation with the AI"):
        estimate_panel(
            PanelTable(
                unit=["a"] * 30,
                time=[str(time) for time in range(30)],
                outcome=np.full(30, np.nan),
                treated=np.arange(30) >= 24,
                covariates=np.random.default_rng(1).normal(size=(30, 1)),
            ),
            estimator="interrupted_time_series",
        )
