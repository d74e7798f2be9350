"""Difference-in-differences by imputing what treated cells would have been without the AI."""

from aivalue.effects.estimators.imputation.effect import average_imputed, imputation
from aivalue.effects.estimators.imputation.fit import Imputed, impute

__all__ = ["Imputed", "average_imputed", "imputation", "impute"]
