"""Means of a series that remembers: an autoregression of order one, in closed form.

Source: Bence (1995), Ecology 76(2), for the variance of the mean of an autoregression.
"""

from aivalue.effects.planning.trial import require_correlation


def mean_variance(n: int, correlation: float) -> float:
    """Return the variance of the mean of n values of variance one."""
    require_correlation(autocorrelation=correlation)
    rest = 1 - correlation
    whole, ends = correlation / rest, correlation * (1 - correlation**n) / (n * rest**2)
    return (1 + 2 * (whole - ends)) / n


def adjoining_covariance(n_before: int, n_after: int, correlation: float) -> float:
    """Return the covariance of the means of two stretches, one right after the other."""
    rest = (1 - correlation) ** 2
    reach = (1 - correlation**n_before) * (1 - correlation**n_after)
    return correlation * reach / (rest * n_before * n_after)


def change_variance(n_before: int, n_after: int, correlation: float) -> float:
    """Return the variance of the mean after minus the mean before."""
    apart = mean_variance(n_before, correlation) + mean_variance(n_after, correlation)
    return apart - 2 * adjoining_covariance(n_before, n_after, correlation)
