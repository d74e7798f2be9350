"""Whether independent packages, run here and now, say what our estimators say.

An optional group (`make test-oracles`, an environment of its own): the packages are heavy, some
pull half of the scientific stack, and none of them is needed to use or to test this project.
"""

import numpy as np
import pandas as pd
import pytest

from aivalue.effects.arms.arm import Measure, arm_of
from aivalue.effects.arms.comparison import difference
from aivalue.effects.error_models.cluster_robust import cluster_robust
from aivalue.effects.estimators.callaway_santanna import average_effects, group_time_effects
from aivalue.effects.estimators.cuped import plain_levels
from aivalue.effects.estimators.imputation import average_imputed, impute
from aivalue.effects.estimators.interrupted_time_series import (
    Interrupted,
    interrupted_time_series,
)
from aivalue.effects.estimators.synthetic_control import synthetic_control
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    synthetic_difference_in_differences,
)
from aivalue.effects.front_door.table import days_from
from aivalue.effects.functional import average
from tests.unit.effects.estimators.test_callaway_santanna import MPDTA
from tests.unit.effects.estimators.test_synthetic import california
from tests.unit.effects.reference import columns, table
from tests.unit.effects.staggered_builders import reference_panel

pytestmark = pytest.mark.filterwarnings("ignore")


def counties() -> pd.DataFrame:
    rows = [
        {
            "unit": int(row["countyreal"]),
            "time": int(row["year"]),
            "start": int(row["first.treat"]),
            "outcome": float(row["lemp"]),
            "treated": int(0 < int(row["first.treat"]) <= int(row["year"])),
        }
        for row in table("mpdta.csv")
    ]
    return pd.DataFrame(rows)


def test_diff_diff_finds_the_same_cohort_effects() -> None:
    from diff_diff import CallawaySantAnna

    panel, _ = reference_panel("mpdta.csv", MPDTA)
    ours = average_effects(group_time_effects(panel, inference="asymptotic"), by="overall").overall

    theirs = CallawaySantAnna().fit(
        counties(), outcome="outcome", unit="unit", time="time", first_treat="start"
    )

    assert ours.point == pytest.approx(theirs.overall_att, abs=1e-9)
    assert ours.standard_error == pytest.approx(theirs.overall_se, rel=1e-6)


def test_diff_diff_imputes_the_same_effect() -> None:
    from diff_diff import ImputationDiD

    panel, _ = reference_panel("mpdta.csv", MPDTA)
    ours = average_imputed(impute(panel), by="overall", inference="asymptotic").overall

    theirs = ImputationDiD().fit(
        counties(), outcome="outcome", unit="unit", time="time", first_treat="start"
    )

    assert ours.point == pytest.approx(theirs.overall_att, abs=1e-7)


def test_csdid_finds_the_same_cohort_effects() -> None:
    from csdid.att_gt import ATTgt

    panel, _ = reference_panel("mpdta.csv", MPDTA)
    ours = average_effects(group_time_effects(panel, inference="asymptotic"), by="overall").overall

    theirs = ATTgt(
        yname="outcome",
        gname="start",
        idname="unit",
        tname="time",
        xformla="outcome ~ 1",
        data=counties(),
    ).fit(est_method="dr")
    theirs.aggte(typec="simple")

    assert ours.point == pytest.approx(float(theirs.atte["overall_att"]), abs=1e-8)


def test_synthdid_finds_the_same_synthetic_difference() -> None:
    from synthdid import synthdid_estimate

    treated, donors, _ = california()
    ours = synthetic_difference_in_differences(treated[None], donors, 19)

    theirs = synthdid_estimate(np.vstack([donors, treated]), len(donors), 19)

    # Theirs stops early by its own tolerance.
    assert ours.average == pytest.approx(float(theirs), abs=0.005)


def test_pysyncon_finds_no_better_weights() -> None:
    from pysyncon import Dataprep, Synth

    frame = pd.DataFrame(table("prop99.csv"))
    frame["Year"] = frame["Year"].astype(int)
    frame["PacksPerCapita"] = frame["PacksPerCapita"].astype(float)
    states = sorted(set(frame["State"]) - {"California"})
    prepared = Dataprep(
        foo=frame,
        predictors=["PacksPerCapita"],
        predictors_op="mean",
        time_predictors_prior=range(1970, 1989),
        dependent="PacksPerCapita",
        unit_variable="State",
        time_variable="Year",
        treatment_identifier="California",
        controls_identifier=states,
        time_optimize_ssr=range(1970, 1989),
    )
    theirs = Synth()
    theirs.fit(prepared, optim_method="Nelder-Mead")
    treated, donors, names = california()

    ours = synthetic_control(treated, donors, 19)

    weights = theirs.weights(round=9).reindex(names).fillna(0.0).to_numpy()
    gap = treated[:19] - weights @ donors[:, :19]
    assert ours.squares_before <= float(gap @ gap) + 1e-6


def test_bsts_sees_the_vignette_s_effect() -> None:
    from causal_impact import CausalImpact

    values = columns("causalimpact_vignette.csv", "y", "x1")
    after = (np.arange(len(values)) >= 70).astype(float)
    series = Interrupted(
        periods=days_from(1),
        outcome=values[:, 0],
        position=np.arange(len(values), dtype=float),
        with_ai=after[:, None],
        controls=values[:, 1:],
        volume=np.array([after.sum()]),
    )
    ours = average(interrupted_time_series(series, errors="local_level"))

    found = CausalImpact(pd.DataFrame(values, columns=["y", "x"]), [0, 69], [70, 99])

    effect = float(found.inferences["point_effect"].to_numpy()[-30:].mean())
    assert ours.point == pytest.approx(effect, abs=0.15)


def test_tea_tasting_reads_the_same_experiment() -> None:
    import tea_tasting

    frame = pd.DataFrame(
        columns("ab_users.csv", "variant", "revenue"), columns=["variant", "revenue"]
    )
    frame["variant"] = frame["variant"].astype(int)
    users = frame.to_numpy()
    arms = (arm_of(users[users[:, 0] == arm, 1:]) for arm in (1, 0))
    ours = difference(*plain_levels(*arms, Measure(numerator=0)))

    theirs = tea_tasting.Experiment(revenue=tea_tasting.Mean("revenue")).analyze(frame)["revenue"]

    assert float(ours.point) == pytest.approx(theirs.effect_size, rel=1e-9)
    assert float(ours.low) == pytest.approx(theirs.effect_size_ci_lower, rel=1e-6)
    assert float(ours.p_value) == pytest.approx(theirs.pvalue, rel=1e-6)


def test_statsmodels_fits_the_same_clustered_regression() -> None:
    import statsmodels.api

    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(400), 5)
    design = np.column_stack([rng.normal(size=2000), np.ones(2000)])
    outcome = design @ [1.0, 2.0] + rng.normal(size=400)[cluster] + rng.normal(size=2000)

    ours = cluster_robust(design, outcome, cluster)

    theirs = statsmodels.api.OLS(outcome, design).fit(
        cov_type="cluster", cov_kwds={"groups": cluster}
    )
    assert ours.point == pytest.approx(theirs.params, rel=1e-9)
    # With 400 clusters what CR2 corrects for is all but gone.
    assert ours.covariance[0, 0] ** 0.5 == pytest.approx(theirs.bse[0], rel=0.01)
