"""What each initiative is credited with, of what all of them brought together.

On every cell, the initiatives at work share its value by Shapley (or Owen, where they belong to
programmes); the value of a set of them is the effect seen where exactly that set was at work: all
of them together in that very period, fewer of them over all periods. Shares are linear in those
effects, so their intervals follow from one covariance and they sum to the total in every respect.
Where a set that the split needs was hardly ever at work by itself (or never: then effects of
initiatives are taken to add up), the total stands but the split is a convention, and its members
are named inseparable.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from aivalue.effects.overlap.game import PLAYERS_MAX, owen, shapley
from aivalue.effects.overlap.joint_model import JointModel
from aivalue.effects.panel import Floats
from aivalue.effects.student_t import t_quantile
from aivalue.errors import NotEstimable
from aivalue.kpis.interval import Interval

SUPPORT_MIN = 10  # Unit-periods on which a set was at work alone, to say what it does alone.


@dataclass(frozen=True, slots=True, kw_only=True)
class JointShares:
    """Credit, in the KPI's unit times volume.

    Attributes
    ----------
    total : Interval
        What all initiatives brought together.
    share : per initiative
        Points sum to the total's.
    inseparable : tuple of sets of initiatives
        Whose split is a convention (each adds alike where data cannot say): only what they
        brought together is evidence.
    """

    total: Interval
    share: dict[str, Interval]
    inseparable: tuple[frozenset[str], ...]


def joint_shares(
    model: JointModel,
    *,
    programmes: Mapping[str, tuple[str, ...]] | None = None,
    confidence: float = 0.95,
) -> JointShares:
    """Share out what the initiatives brought together.

    Raises
    ------
    NotEstimable
        More than 15 initiatives at work on one cell (15 programmes, if given), or a programme
        names an initiative that the model does not have.
    """
    credit = credits_of(model, programmes=programmes)
    return JointShares(
        total=_interval(model, model.volume, confidence),
        share={
            name: _interval(model, rows.sum(axis=0), confidence) for name, rows in credit.items()
        },
        inseparable=inseparable_sets(model),
    )


def credits_of(
    model: JointModel, *, programmes: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, Floats]:
    """Return each initiative's credit as weights of the model's effects.

    Returns
    -------
    per initiative, shape (n_periods, n_pieces)
        One row for each period of the model, in order; over initiatives a row sums to the
        volume of that period's pieces.

    Raises
    ------
    NotEstimable
        As `joint_shares`.
    """
    if programmes is not None:
        _require_programmes(model, programmes)
    periods, row = np.unique(model.period_of, return_inverse=True)
    shape = (len(periods), len(model.volume))
    weights = {name: np.zeros(shape) for name in model.initiatives}
    pooled, alone = model.pooled(), _each_alike(model)
    for position, active in enumerate(model.sets):
        pieces = np.flatnonzero(model.set_of == position)
        for name, part in _split(active, _values(model, active, alone), programmes).items():
            # The last weight is of the set itself, which each period has seen for itself.
            np.add.at(weights[name], row[pieces], model.volume[pieces, None] * (part[:-1] @ pooled))
            weights[name][row[pieces], pieces] += model.volume[pieces] * part[-1]
    return weights


def _split(
    active: frozenset[str],
    game: Callable[[frozenset[str]], Floats],
    programmes: Mapping[str, tuple[str, ...]] | None,
) -> dict[str, Floats]:
    if programmes is None:
        return shapley(sorted(active), game)
    present = {key: tuple(sorted(active & set(members))) for key, members in programmes.items()}
    return owen({key: members for key, members in present.items() if members}, game)


def inseparable_sets(model: JointModel) -> tuple[frozenset[str], ...]:
    """Return the sets of initiatives whose split the data cannot show."""
    support = dict(zip(model.sets, model.support, strict=True))
    found: set[frozenset[str]] = set()
    for active in model.sets:
        if len(active) > PLAYERS_MAX:
            found.add(active)
            continue
        missing = [part for part in _parts(active) if support.get(part, 0) < SUPPORT_MIN]
        # An initiative never seen alone is tied to those it was always seen with.
        found |= {active if len(part) == 1 else part for part in missing}
    smallest = {one for one in found if not any(other < one for other in found)}
    return tuple(sorted(smallest, key=lambda one: (len(one), sorted(one))))


def _values(
    model: JointModel, active: frozenset[str], alone: dict[str, Floats]
) -> Callable[[frozenset[str]], Floats]:
    """Return the value of a part of a set, per unit of volume, as weights of effects.

    One weight for each set of the model, and a last one for the set itself.
    """
    seen = {one: row for row, one in enumerate(model.sets)}

    def value(part: frozenset[str]) -> Floats:
        weights = np.zeros(len(model.sets) + 1)
        if part == active:
            weights[-1] = 1.0
        elif part in seen:
            weights[seen[part]] = 1.0
        elif part:
            weights[:-1] = np.sum([alone[name] for name in sorted(part)], axis=0)
        return weights

    return value


def _each_alike(model: JointModel) -> dict[str, Floats]:
    """Return one effect per initiative that sets add up from, as weights of the sets' effects.

    Least squares by volume; of all solutions the one of smallest norm, which treats initiatives
    that were never apart alike.
    """
    members = np.array([[name in one for name in model.initiatives] for one in model.sets])
    volume = model.volume_of_sets()
    root = np.sqrt(volume / volume.sum())
    solved = np.linalg.pinv(members * root[:, None]) * root
    return dict(zip(model.initiatives, solved, strict=True))


def _parts(active: frozenset[str]) -> list[frozenset[str]]:
    names = sorted(active)
    return [
        frozenset(chosen) for size in range(1, len(names)) for chosen in combinations(names, size)
    ]


def _interval(model: JointModel, weights: Floats, confidence: float) -> Interval:
    point = float(weights @ model.effect)
    error = float(np.sqrt(max(float(weights @ model.covariance @ weights), 0.0)))
    quantile = t_quantile((1 + confidence) / 2, model.degrees_of_freedom)
    return Interval.around(point, error, quantile=quantile, confidence=confidence)


def _require_programmes(model: JointModel, programmes: Mapping[str, tuple[str, ...]]) -> None:
    named = sorted(name for members in programmes.values() for name in members)
    if named != sorted(model.initiatives):
        raise NotEstimable(
            f"programmes name {', '.join(named)}, and at work were {', '.join(model.initiatives)}: "
            f"each must belong to one programme"
        )
