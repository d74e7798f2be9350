"""What our estimators say to the reference entries about panels and series, leaf by leaf."""

from dataclasses import replace
from typing import Any

import numpy as np

from aivalue.effects.estimators.callaway_santanna import (
    average_effects,
    cell_effects,
    group_time_effects,
    pre_trend,
)
from aivalue.effects.estimators.callaway_santanna.group_time import Comparison
from aivalue.effects.estimators.imputation import average_imputed, impute
from aivalue.effects.estimators.interrupted_time_series import (
    Interrupted,
    levels,
)
from aivalue.effects.estimators.prediction_band import prediction_band
from aivalue.effects.estimators.predictor_control import (
    Training,
    donor_weights,
    predictor_importance,
    standardized,
)
from aivalue.effects.estimators.synthetic_control import SyntheticControl, synthetic_control
from aivalue.effects.estimators.synthetic_difference_in_differences import (
    synthetic_difference_in_differences,
)
from aivalue.effects.front_door.table import days_from
from aivalue.effects.functional import average, relative
from aivalue.effects.panel import Floats
from aivalue.effects.student_t import two_sided_p
from aivalue.kpis.interval import Interval
from tests.unit.effects.estimators.test_callaway_santanna import KINDS, MPDTA
from tests.unit.effects.estimators.test_imputation import DF_HET
from tests.unit.effects.estimators.test_synthetic import california, wide
from tests.unit.effects.reference import columns, table
from tests.unit.effects.staggered_builders import reference_panel, rows_of


def tobacco_difference() -> dict[str, Any]:
    treated, donors, _ = california()
    found = synthetic_difference_in_differences(treated[None], donors, 19)
    return {
        "att": found.average,
        "att_tight_1e-6": found.average,
        "noise_level": found.noise,
        "zeta_omega": found.penalty,
    }


def tobacco_placebos() -> dict[str, Any]:
    treated, donors, _ = california()
    found = synthetic_difference_in_differences(treated[None], donors, 19)
    placebos = found.placebos.mean(axis=1)
    return {
        "se_pop": found.standard_error(),
        "se_ddof1": float(placebos.std(ddof=1)),
        "placebo_mean": float(placebos.mean()),
        "rank_p_two_sided": found.rank_p_value(),
    }


def tobacco_double_difference() -> dict[str, Any]:
    treated, donors, _ = california()
    gap = treated - donors.mean(axis=0)
    return {"att": float(gap[19:].mean() - gap[:19].mean())}


def tobacco_control() -> dict[str, Any]:
    treated, donors, names = california()
    found = synthetic_control(treated, donors, 19)
    return {
        "att": found.effect,
        "pre_ssr": found.squares_before,
        "w": {name: w for name, w in zip(names, found.weights, strict=True) if w > 1e-4},
    }


def one_of(
    file: str, shape: tuple[str, str, str], treated: str, n_before: int, **without: Any
) -> SyntheticControl:
    units, _, values = wide(file, *shape, **without)
    row = units.index(treated)
    return synthetic_control(values[row], np.delete(values, row, axis=0), n_before)


def basque() -> dict[str, Any]:
    found = one_of("basque.csv", ("regionno", "year", "gdpcap"), "17.0", 20, without=("1.0",))
    return {
        "att_post_mean": found.effect,
        "mean_gap_all_periods": float(found.gap.mean()),
        "l2_imbalance": found.imbalance,
    }


def kansas() -> dict[str, Any]:
    found = one_of("kansas.csv", ("state", "year_qtr", "lngdpcapita"), "Kansas", 89)
    return {"att": found.effect, "l2": found.imbalance}


def markets() -> dict[str, Any]:
    units, _, values = wide("geolift_test.csv", "location", "date", "Y")
    rows = [units.index("chicago"), units.index("portland")]
    treated = values[rows].mean(axis=0)
    found = synthetic_control(treated, np.delete(values, rows, axis=0), 90, without_levels=True)
    after = float(found.gap[90:].sum())
    return {
        "att": found.effect,
        "incremental": 2 * after,
        "lift": after / (float(treated[90:].sum()) - after),
        "l2": found.imbalance,
    }


def _germany() -> tuple[list[str], int, Floats]:
    units, _, values = wide("germany.csv", "country", "year", "gdp")
    return units, units.index("West Germany"), values


def _predictors(years: range, schooling: tuple[int, int], investment: str) -> Floats:
    rows = table("germany.csv")
    units, _, _ = _germany()

    def mean(column: str, inside: Any) -> list[float]:
        seen = [row for row in rows if int(row["year"]) in inside and row[column] not in {"", "NA"}]
        return [
            float(np.mean([float(row[column]) for row in seen if row["country"] == unit]))
            for unit in units
        ]

    parts = [mean(column, years) for column in ("gdp", "trade", "infrate", "industry")]
    return np.array([*parts, mean("schooling", schooling), mean(investment, (1980,))]).T


def german_predictors() -> dict[str, Any]:
    # Abadie, Diamond & Hainmueller (2015): importance learnt on 1971-80 for 1981-90.
    units, row, gdp = _germany()
    early = _predictors(range(1971, 1981), (1970, 1975), "invest70")
    late = _predictors(range(1981, 1991), (1980, 1985), "invest80")
    donors = np.delete(np.arange(len(units)), row)
    importance = predictor_importance(
        Training(
            treated=early[row],
            donors=early[donors],
            treated_outcome=gdp[row, 21:31],
            donor_outcomes=gdp[donors, 21:31],
        )
    )
    weights = donor_weights(*standardized(late[row], late[donors]), importance)
    gap = (gdp[row] - weights @ gdp[donors])[30:]
    return {
        "w": {units[at]: w for at, w in zip(donors, weights, strict=True) if w > 1e-3},
        "att_1990_2003": float(gap.mean()),
        "se": float(gap.std(ddof=1) / len(gap) ** 0.5),
    }


def german_outcomes() -> dict[str, Any]:
    units, row, gdp = _germany()
    names = [unit for unit in units if unit != "West Germany"]
    found = synthetic_control(gdp[row] / 1000, np.delete(gdp, row, axis=0) / 1000, 31)
    return {
        "w": {name: w for name, w in zip(names, found.weights, strict=True) if w > 1e-3},
        "fit_1991": float(gdp[row, 31] / 1000 - found.gap[31]),
        "coint_1991": _german_band(moves_together=True),
        "levels_1991": _german_band(moves_together=False),
    }


def _german_band(*, moves_together: bool) -> list[float]:
    # The first year after alone: 2,000 draws put its ends within .02.
    _, row, gdp = _germany()
    seen = gdp[:, :32] / 1000
    band = prediction_band(
        seen[row],
        np.delete(seen, row, axis=0),
        31,
        rng=np.random.default_rng(8894),
        moves_together=moves_together,
        draws=2_000,
    )
    return [float(band.low[0]), float(band.high[0])]


def _pair(interval: Interval) -> list[float]:
    return [interval.point, interval.standard_error]


def counties(comparison: Comparison) -> dict[str, Any]:
    panel, first = reference_panel("mpdta.csv", MPDTA)
    found = group_time_effects(panel, comparison=comparison, inference="asymptotic")
    averages = {name: average_effects(found, by=by) for name, by in KINDS.items()}
    cells = zip(found.cohort[found.group] + first, found.time + first, strict=True)
    effects = zip(cells, cell_effects(found), strict=True)
    statistic, p_value = pre_trend(found)
    by_label = {
        name: {
            str(at + shift): _pair(interval)
            for at, interval in zip(averages[name].at, averages[name].intervals, strict=True)
        }
        for name, shift in (("group", first), ("dynamic", 0))
    }
    return {
        "att_gt": {f"{start},{time}": _pair(interval) for (start, time), interval in effects},
        "simple": _pair(averages["simple"].overall),
        **by_label,
        **{
            f"{name}_overall": _pair(averages[name].overall)
            for name in ("group", "dynamic", "calendar")
        },
        "pretest_W": statistic,
        "pretest_p": p_value,
    }


def imputed_counties() -> dict[str, Any]:
    panel, _ = reference_panel("mpdta.csv", MPDTA)
    found = average_imputed(impute(panel), by="overall", inference="asymptotic").overall
    return {"att": found.point, "se_bjs": found.standard_error}


def imputed_by_turns(close: float) -> float:
    """Impute as did_imputation 0.1.0 does: unit and period means by turns, until none moves far."""
    panel, _ = reference_panel("mpdta.csv", MPDTA)
    fitted = ~panel.treated
    unit, period = np.zeros(len(panel.units)), np.zeros(len(panel.periods))
    moved = np.inf
    while moved >= close:
        before = np.concatenate([unit, period])
        unit = np.where(fitted, panel.outcome - period, 0.0).sum(axis=1) / fitted.sum(axis=1)
        left = panel.outcome - unit[:, None]
        period = np.where(fitted, left, 0.0).sum(axis=0) / fitted.sum(axis=0)
        moved = float(np.abs(np.concatenate([unit, period]) - before).max())
    return float((panel.outcome - unit[:, None] - period)[panel.treated].mean())


def imputed_states() -> dict[str, Any]:
    panel, _ = reference_panel("df_het.csv.gz", DF_HET)
    state = {float(row["unit"]): int(row["state"]) for row in rows_of("df_het.csv.gz")}
    panel = replace(panel, cluster=np.array([state[unit] for unit in sorted(state)]))
    found = average_imputed(impute(panel), by="overall", inference="asymptotic_pooled").overall
    return {"att": found.point, "se_did2s_gmm": found.standard_error}


def _series(file: str, names: tuple[str, ...], n_before: int) -> Interrupted:
    values = columns(file, *names)
    is_after = (np.arange(len(values)) >= n_before).astype(float)
    return Interrupted(
        periods=days_from(1),
        outcome=values[:, 0],
        position=np.arange(len(values), dtype=float),
        with_ai=is_after[:, None],
        controls=values[:, 1:],
        volume=np.array([is_after.sum()]),
    )


def vignette() -> dict[str, Any]:
    series = _series("causalimpact_vignette.csv", ("y", "x1"), 70)
    effect = levels(series, errors="local_level").stands  # R's level may stand as well.
    figure = average(effect)
    actual = effect.observed[0]
    return {
        "actual_avg": actual,
        "actual_cum": 30 * actual,
        "pred_avg": actual - figure.point,
        "effect_avg": figure.point,
        "sd": (figure.high - figure.low) / (2 * 1.96),
        "ci95": [figure.low, figure.high],
        "cum": 30 * figure.point,
        "rel": relative(effect).point,
        "p": two_sided_p(figure.point / figure.standard_error, effect.degrees_of_freedom),
    }


def comparison_series() -> dict[str, Any]:
    names = ("CHANGED", "NOT_CHANGED_1", "NOT_CHANGED_2", "NOT_CHANGED_3")
    effect = levels(_series("ci_comparison_data.csv", names, 90), errors="local_level").stands
    figure = average(effect)
    sd = (figure.high - figure.low) / (2 * 1.96)
    return {
        "actual": effect.observed[0],
        "pred": [effect.observed[0] - figure.point, sd],
        "ci": [effect.observed[0] - figure.high, effect.observed[0] - figure.low],
        "effect": [figure.point, sd],
        "effect_ci": [figure.low, figure.high],
        "p": two_sided_p(figure.point / figure.standard_error, effect.degrees_of_freedom),
    }
