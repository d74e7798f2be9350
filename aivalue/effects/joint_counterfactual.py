"""One model of all initiatives on a KPI: what would every set of them have brought.

Outcome on unit and period levels plus one coefficient per set of initiatives that was ever at work
together, so that what two do jointly is never counted for each. Feeds `aivalue.effects.overlap`.

Source: Angrist & Pischke (2009), "Mostly Harmless Econometrics", 3.1.4, for the saturated model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Booleans, Floats
from aivalue.errors import NotEstimable

RANK_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class JointCounterfactual:
    """Value of every set of initiatives over the observed cells.

    Attributes
    ----------
    initiatives : names, sorted
    effect_of_set : per set that was at work somewhere
        Effect per unit of volume, against no initiative.
    volume_of_set : volume on which exactly that set was at work
    additive : one effect per initiative, from the model without interactions
        Used for sets that were never observed.
    """

    initiatives: tuple[str, ...]
    effect_of_set: dict[frozenset[str], float]
    volume_of_set: dict[frozenset[str], float]
    additive: dict[str, float]

    def value(self, chosen: frozenset[str]) -> float:
        """Return the total effect had only these initiatives been at work."""
        return sum(
            volume * self._effect(active & chosen)
            for active, volume in sorted(
                self.volume_of_set.items(), key=lambda item: sorted(item[0])
            )
        )

    def _effect(self, active: frozenset[str]) -> float:
        if not active:
            return 0.0
        if active in self.effect_of_set:
            return self.effect_of_set[active]
        return sum(self.additive[name] for name in sorted(active))


def joint_counterfactual(
    level: Floats, volume: Floats, at_work: dict[str, Booleans]
) -> JointCounterfactual:
    """Fit the model.

    Assumes parallel trends for cells without any initiative, and that an initiative's effect
    depends on which others are at work but not on unit or time.

    Parameters
    ----------
    level, volume : shape (n_units, n_periods)
        KPI and what it is averaged over; volume 0 where not measured.
    at_work : per initiative, shape (n_units, n_periods)

    Raises
    ------
    NotEstimable
        The sets at work cannot be told apart from each other or from unit and period levels.
    """
    names = tuple(sorted(at_work))
    seen = volume > 0
    bits = sum((at_work[name].astype(np.int64) << position) for position, name in enumerate(names))
    masks = np.asarray(bits)[seen]
    sets = [int(mask) for mask in np.unique(masks) if mask]
    if not sets:
        raise NotEstimable("no initiative has been at work yet", verdict="too_early")
    by_set = np.column_stack([masks == mask for mask in sets]).astype(np.float64)
    by_name = np.column_stack([at_work[name][seen] for name in names]).astype(np.float64)
    as_names = {mask: _names_of(mask, names) for mask in sets}
    weight = volume[seen]
    totals = weight @ by_set
    effects = _coefficients(level, volume, by_set)
    additive = _coefficients(level, volume, by_name)
    return JointCounterfactual(
        initiatives=names,
        effect_of_set={as_names[mask]: float(effects[row]) for row, mask in enumerate(sets)},
        volume_of_set={as_names[mask]: float(totals[row]) for row, mask in enumerate(sets)},
        additive={name: float(additive[row]) for row, name in enumerate(names)},
    )


def _coefficients(level: Floats, volume: Floats, regressors: Floats) -> Floats:
    """Weighted least squares with unit and period levels."""
    seen = volume > 0
    unit, period = np.nonzero(seen)
    n_units, n_periods = volume.shape
    root = np.sqrt(volume[seen])
    levels = np.zeros((len(unit), n_units + n_periods - 1))
    levels[np.arange(len(unit)), unit] = 1.0
    later = period > 0
    levels[np.flatnonzero(later), n_units + period[later] - 1] = 1.0
    basis, _ = np.linalg.qr(levels * root[:, None])
    outcome = level[seen] * root
    weighted: Floats = regressors * root[:, None]
    # Regressors are free of unit and period levels, so the outcome need not be.
    left = weighted - basis @ (basis.T @ weighted)
    gram = left.T @ left
    values = np.linalg.eigvalsh(gram)
    if values[0] <= values[-1] * RANK_TOLERANCE:
        raise NotEstimable("initiatives were always at work together, or everywhere at once")
    return np.asarray(np.linalg.solve(gram, left.T @ outcome), np.float64)


def _names_of(mask: int, names: Sequence[str]) -> frozenset[str]:
    return frozenset(name for position, name in enumerate(names) if mask >> position & 1)
