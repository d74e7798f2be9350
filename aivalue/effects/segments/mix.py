"""A level with the mix of segments held still, so that only levels within segments can move it.

Where easy calls went to a bot, the mean call got longer without anybody working slower. Each
segment's level is weighted by its share of the volume with the AI, before as after: what a change
of that level is, is the work of rates alone, on what the AI works on. Segments that exist on one
side only cannot be compared and count as mix. Ones that are measured too seldom for a level of
their own are taken together.

Source: Kitagawa (1955), JASA 50(272), for standardized rates; `decomposition`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aivalue.effects.panel import Booleans, Floats
from aivalue.effects.segments.decomposition import decompose
from aivalue.effects.segments.parts import ChangeParts
from aivalue.errors import NotEstimable

SEEN_MIN = 0.8  # Of the times on either side, for a level of the segment's own.
OTHERS = "others"
SEGMENTS_MIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMix:
    """A series at the mix with the AI, and the parts of the change that it leaves out.

    Attributes
    ----------
    level : shape (n_times,)
    segments : whose shares are held; the last may be the rare ones together
    """

    level: Floats
    segments: tuple[str, ...]
    parts: ChangeParts


def hold_mix(
    total: Floats, volume: Floats, with_ai: Booleans, treated: Floats, segments: Sequence[str]
) -> HeldMix:
    """Weigh the segments by their share of the volume with the AI.

    Parameters
    ----------
    total, volume : shape (n_times, n_segments)
        Numerator and volume; a segment may be absent at a time. One that always is has no level.
    with_ai : shape (n_times,)
        Times of which any part is with the AI.
    treated : shape (n_segments,)
        Volume with the AI.

    Raises
    ------
    NotEstimable
        Fewer than two segments with volume, or one side has none.
    """
    present: Booleans = np.asarray((volume > 0).any(axis=0))
    if present.sum() < SEGMENTS_MIN:
        raise NotEstimable(f"{present.sum()} segments have volume, a mix needs {SEGMENTS_MIN}")
    total, volume, treated = total[:, present], volume[:, present], treated[present]
    segments = [name for name, is_present in zip(segments, present, strict=True) if is_present]
    n_before, n_after = int((~with_ai).sum()), int(with_ai.sum())
    if not (n_before and n_after):
        raise NotEstimable(f"{n_before} times before and {n_after} with the AI, needs 1 and 1")
    total, volume, treated, names = _without_rare(total, volume, with_ai, treated, segments)
    sides = [_pooled(total, volume, side) for side in (~with_ai, with_ai)]
    level = np.empty_like(total)
    for side, pooled in zip((~with_ai, with_ai), sides, strict=True):
        seen = volume[side] > 0
        level[side] = np.where(seen, total[side] / np.where(seen, volume[side], 1.0), pooled)
    on_one_side = ~(np.isfinite(sides[0]) & np.isfinite(sides[1]))
    alone = np.where(np.isfinite(sides[1]), sides[1], sides[0])
    level[:, on_one_side] = alone[on_one_side]
    share = treated / treated.sum()
    totals = [part[side].sum(axis=0) for side in (~with_ai, with_ai) for part in (total, volume)]
    parts = decompose(
        totals[0] / n_before, totals[1] / n_before, totals[2] / n_after, totals[3] / n_after
    )
    return HeldMix(
        level=level @ share,
        segments=names,
        parts=ChangeParts(
            before=float(totals[0].sum()) / n_before,
            after=float(totals[2].sum()) / n_after,
            rate=parts.rate,
            mix=parts.mix,
            volume=parts.volume,
            rate_by_segment=tuple(zip(names, parts.rate_by_segment.tolist(), strict=True)),
        ),
    )


def _pooled(total: Floats, volume: Floats, side: Booleans) -> Floats:
    """Return each segment's level over these times, NaN where it has none."""
    y, x = total[side].sum(axis=0), volume[side].sum(axis=0)
    return np.where(x > 0, y / np.where(x > 0, x, 1.0), np.nan)


def _without_rare(
    total: Floats, volume: Floats, with_ai: Booleans, treated: Floats, segments: Sequence[str]
) -> tuple[Floats, Floats, Floats, tuple[str, ...]]:
    """Take together what is seen on both sides, but too seldom for a level at each time."""
    seen = volume > 0
    before, after = seen[~with_ai].mean(axis=0), seen[with_ai].mean(axis=0)
    rare = (before > 0) & (after > 0) & (np.minimum(before, after) < SEEN_MIN)
    if not rare.any():
        return total, volume, treated, tuple(segments)
    kept = ~rare

    def lumped(values: Floats) -> Floats:
        return np.column_stack([values[:, kept], values[:, rare].sum(axis=1)])

    names = tuple(name for name, keep in zip(segments, kept, strict=True) if keep)
    together = np.append(treated[kept], treated[rare].sum())
    return lumped(total), lumped(volume), together, (*names, OTHERS)
