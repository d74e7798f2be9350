"""Several KPIs at once: which findings stay when the share of false ones among them is held.

Source: Benjamini & Hochberg (1995), "Controlling the False Discovery Rate", JRSS B 57(1) 289-300.
"""

import numpy as np

from aivalue.effects.panel import Floats


def adjusted_p_values(p_values: Floats) -> Floats:
    """Return p-values to compare with the tolerated share of false findings.

    Ties and order do not matter; the result keeps the order of the input.
    """
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")[::-1]
    scaled = p_values[order] * n / np.arange(n, 0, -1)
    adjusted = np.empty(n)
    adjusted[order] = np.minimum.accumulate(np.minimum(scaled, 1.0))
    # p * n / n may round to a hair below p.
    return np.maximum(adjusted, p_values)
