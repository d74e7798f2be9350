"""The parts of a change that a reading with the mix held reports. Free of numpy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeParts:
    """Change of a total per time, mean after minus mean before, before trend and season.

    Attributes
    ----------
    before, after : float
        Mean total per time (numerator) without and with the AI.
    rate : float
        Levels within segments changed.
    mix : float
        Volume moved between segments.
    volume : float
        There was more or less to do.
    rate_by_segment : name of each segment and its share of `rate`
    """

    before: float
    after: float
    rate: float
    mix: float
    volume: float
    rate_by_segment: tuple[tuple[str, float], ...]

    @property
    def total(self) -> float:
        """The whole change: the three parts, in this order."""
        return self.rate + self.mix + self.volume


def document_of_parts(parts: ChangeParts) -> dict[str, object]:
    """Write the parts of a change as JSON carries them; the three sum to `total`."""
    return {
        "before": parts.before,
        "after": parts.after,
        "total": parts.total,
        "rate": parts.rate,
        "mix": parts.mix,
        "volume": parts.volume,
        "segments": [{"segment": name, "rate": rate} for name, rate in parts.rate_by_segment],
    }
