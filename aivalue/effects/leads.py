"""Did units move before they had the AI? A score test on untreated cells alone.

Unit and month levels explain the untreated cells; what is left of the units about to be treated
should then be zero on average. The test weighs cells by the same covariance as the estimator, so
an autocorrelated KPI does not look like a trend.

Source: Roth (2022), "Pretest with Caution", AER: Insights 4(3) 305-322, for reading such a test
together with what it could have detected; Rao (1948) for the score test.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from aivalue.effects.dependence import dependence_of, precision, without_unit_levels
from aivalue.effects.effect import Scale
from aivalue.effects.panel import Floats
from aivalue.effects.student_t import t_quantile
from aivalue.effects.two_way import fit_two_way

POWER = 0.80
RANK_TOLERANCE = 1e-8


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
    """

    change: Floats
    p_value: float
    detectable: float
    rank: int


def leads_differ(y: Floats, x: Floats, leads: Floats, *, scale: Scale) -> LeadTest:
    """Test the leads of shape (n_leads, n_units, n_periods) on untreated cells (x > 0)."""
    levels = fit_two_way(y, x, scale=scale)
    weight = x * levels.spread
    seen = weight > 0
    surprise = np.where(seen, (y - x * levels.rate) / np.where(seen, weight, 1.0), 0.0)
    dependence = dependence_of(surprise, weight)
    model = dependence.best()
    inverse, _ = precision(weight, seen, share=model.share, correlation=model.correlation)
    reduced, _ = without_unit_levels(inverse)

    shown = np.where(seen, leads, 0.0)
    weighted = np.einsum("uts,kus->kut", reduced, shown)
    information = np.einsum("kut,jut->kj", weighted, shown)
    score = np.einsum("kut,ut->k", weighted, surprise)
    present = np.flatnonzero(seen.any(axis=0))[1:]
    by_month = weighted.sum(axis=1)[:, present]
    normal = reduced.sum(axis=0)[np.ix_(present, present)]
    right = np.einsum("uts,us->t", reduced, surprise)[present]
    information = information - by_month @ np.linalg.solve(normal, by_month.T)
    score = score - by_month @ np.linalg.solve(normal, right)

    values, vectors = np.linalg.eigh(information)
    kept = values > max(float(values.max(initial=0.0)), 1e-300) * RANK_TOLERANCE
    rank = int(kept.sum())
    if rank == 0 or not model.scale > 0:
        return LeadTest(change=np.zeros(len(leads)), p_value=1.0, detectable=np.inf, rank=0)
    inverse_information = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    statistic = float(score @ inverse_information @ score) / (rank * model.scale)
    free = dependence.cells_free
    margin = t_quantile(0.975, free) + t_quantile(POWER, free)
    return LeadTest(
        change=inverse_information @ score,
        p_value=float(special.fdtrc(rank, free, statistic)),
        detectable=margin * float(np.sqrt(model.scale * inverse_information[0, 0])),
        rank=rank,
    )
