"""Why a level moved: rates within segments, the mix of segments, and volume.

A call centre whose easy calls went to a bot shows longer calls without anybody working slower:
that is mix, not rate. Only the rate part can be the work of something that changes how work is
done. The three parts add up to the change of the total exactly.

Source: Oaxaca (1973), International Economic Review 14(3); Kitagawa (1955), "Components of a
Difference Between Two Rates", JASA 50(272), for the symmetric weights.
"""

from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Floats
from aivalue.errors import NotEstimable


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """Change of a total (numerator), after minus before, in its parts.

    Attributes
    ----------
    rate : float
        Levels within segments changed.
    mix : float
        Volume moved between segments.
    volume : float
        There was more or less to do.
    rate_by_segment : shape (n_segments,)
    """

    rate: float
    mix: float
    volume: float
    rate_by_segment: Floats

    @property
    def total(self) -> float:
        """Sum of the parts."""
        return self.rate + self.mix + self.volume


def decompose(
    total_before: Floats, volume_before: Floats, total_after: Floats, volume_after: Floats
) -> Decomposition:
    """Split the change of a total over segments.

    Parameters
    ----------
    total_before, volume_before, total_after, volume_after : shape (n_segments,)
        Numerator and volume per segment; a segment that exists on one side only counts as mix.

    Raises
    ------
    NotEstimable
        No volume before or after.
    """
    n_before, n_after = float(volume_before.sum()), float(volume_after.sum())
    if not (n_before > 0 and n_after > 0):
        raise NotEstimable("no volume before or after to compare", verdict="below_sample_floor")
    both = (volume_before > 0) & (volume_after > 0)
    level_before = np.divide(
        total_before, volume_before, out=np.zeros(len(both)), where=volume_before > 0
    )
    level_after = np.divide(
        total_after, volume_after, out=np.zeros(len(both)), where=volume_after > 0
    )
    # A segment seen on one side only has no change of its own level.
    level_before = np.where(volume_before > 0, level_before, level_after)
    level_after = np.where(volume_after > 0, level_after, level_before)
    share_before, share_after = volume_before / n_before, volume_after / n_after
    middle = (n_before + n_after) / 2
    rate_by_segment = middle * (level_after - level_before) * (share_before + share_after) / 2
    mix = middle * ((share_after - share_before) * (level_before + level_after) / 2).sum()
    mean_before, mean_after = share_before @ level_before, share_after @ level_after
    return Decomposition(
        rate=float(rate_by_segment.sum()),
        mix=float(mix),
        volume=float((n_after - n_before) * (mean_before + mean_after) / 2),
        rate_by_segment=rate_by_segment,
    )
