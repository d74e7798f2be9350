"""Did units move before they had the AI? A score test on untreated cells alone.

Unit and month levels explain the untreated cells; what is left of the units about to be treated
should then be zero on average. The test weighs cells by the same covariance as the estimator, so
an autocorrelated KPI does not look like a trend.

Source: Roth (2022), "Pretest with Caution", AER: Insights 4(3) 305-322, for reading such a test
together with what it could have detected; Rao (1948) for the score test.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.effect import Scale
from aivalue.effects.error_models.dependence import Dependence, Model, dependence_of
from aivalue.effects.error_models.levels_off import levels_off
from aivalue.effects.panel import Booleans, Floats, Integers
from aivalue.effects.student_t import f_upper, t_quantile
from aivalue.effects.two_way import fit_two_way

QUARTERS = ((4, 6), (7, 9), (10, 12))  # Months before go-live, both ends included.
POWER = 0.80
RANK_TOLERANCE = 1e-8
INDEPENDENT = Model(share=0.0, correlation=0.0, scale=1.0, probability=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTest:
    """Joint test that no lead differs from what levels imply.

    Attributes
    ----------
    change : shape (n_leads,)
        Of the level in each lead: a share (proportional) or in the KPI's unit (additive).
    detectable : float
        Change of the first lead that would be found in 80 % of cases; inf if none could.
    rank : int
        Leads that the data can tell apart from levels.
    covariance : shape (n_leads, n_leads)
        Of `change`, as Student's t with `free` degrees of freedom reads it.
    dependence : Dependence or None
        How units' paths vary, as learnt beside the leads, those with leads set apart; None where
        rank is 0.
    """

    change: Floats
    p_value: float
    detectable: float
    rank: int
    covariance: Floats
    free: float
    dependence: Dependence | None = None


def leads_before(
    y: Floats,
    x: Floats,
    to_start: Integers,
    *,
    scale: Scale,
    blocks: tuple[tuple[int, int], ...] = QUARTERS,
) -> LeadTest:
    """Test the blocks before go-live on untreated cells.

    Parameters
    ----------
    to_start : shape (n_units, n_periods)
        Periods to the unit's go-live; 0 in that of go-live and for units without, negative after.
    blocks : ranges of periods before go-live, both ends included, the nearest first
    """
    leads = np.stack([(to_start >= first) & (to_start <= last) for first, last in blocks])
    # Periods nearer than the blocks are neither tested nor a reference.
    x = np.where((to_start >= 1) & (to_start < blocks[0][0]), 0.0, x)
    y = np.where(x > 0, y, 0.0)
    units, periods = x.sum(axis=1) > 0, x.sum(axis=0) > 0
    inside = np.ix_(units, periods)
    return leads_differ(
        y[inside], x[inside], leads[:, units][:, :, periods].astype(np.float64), scale=scale
    )


def leads_differ(y: Floats, x: Floats, leads: Floats, *, scale: Scale) -> LeadTest:
    """Test the leads of shape (n_leads, n_units, n_periods) on untreated cells (x > 0)."""
    levels = fit_two_way(y, x, scale=scale)
    weight = x * levels.spread
    seen = weight > 0
    surprise = np.where(seen, (y - x * levels.rate) / np.where(seen, weight, 1.0), 0.0)
    information, _ = _partial(surprise, weight, leads, INDEPENDENT)
    values, vectors = np.linalg.eigh(information)
    # Beside what leads would tell without levels: where all units share them, rounding is left.
    whole = float((weight * leads**2).sum(axis=(1, 2)).max())
    kept = values > max(whole, 1e-300) * RANK_TOLERANCE
    rank = int(kept.sum())
    if rank == 0:
        nothing = np.zeros(len(leads))
        return LeadTest(
            change=nothing,
            p_value=1.0,
            detectable=np.inf,
            rank=0,
            covariance=np.diag(nothing),
            free=np.inf,
        )
    basis = vectors[:, kept]
    told_apart = np.einsum("kr,kut->rut", basis, np.where(seen, leads, 0.0))
    # The covariance is learnt beside the leads: a drift of all treated must not pass for memory.
    treated: Booleans = np.asarray((seen & leads.any(axis=0)).any(axis=1))
    dependence = dependence_of(surprise, weight, besides=told_apart, apart=treated)
    model = dependence.best()
    information, score = _partial(surprise, weight, told_apart, model)
    inverse_information = basis @ np.linalg.inv(information) @ basis.T
    score = basis @ score
    statistic = float(score @ inverse_information @ score) / (rank * model.scale)
    free = dependence.cells_free
    margin = t_quantile(0.975, free) + t_quantile(POWER, free)
    return LeadTest(
        change=inverse_information @ score,
        p_value=f_upper(statistic, rank, free),
        detectable=margin * float(np.sqrt(model.scale * inverse_information[0, 0])),
        rank=rank,
        covariance=model.scale * inverse_information,
        free=free,
        dependence=dependence,
    )


def _partial(
    surprise: Floats, weight: Floats, leads: Floats, model: Model
) -> tuple[Floats, Floats]:
    """Return information and score of the leads once unit and period levels are taken off."""
    columns = np.concatenate([surprise[None], leads])
    gram = levels_off(columns, weight, np.array([model.share]), np.array([model.correlation])).gram
    return gram[0, 1:, 1:], gram[0, 1:, 0]
