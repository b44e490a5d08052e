"""Draws lengths from a distribution: a function of one uniform number, and so of (seed, index). Pure.

Bounds are kept by drawing from the part of the distribution between them (inversion), not by moving what lies outside
to the bound, where it would pile up.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Self

from evalkube_crds.perf_data import LONGEST, TokenLengths

__all__ = ["Lengths"]


@dataclass(frozen=True, slots=True)
class Lengths:
    """A distribution of whole numbers from `least` to `most`: normal in the length, or with `log` in its logarithm;
    uniform without `normal`.
    """

    least: int
    most: int
    normal: NormalDist | None = None
    log: bool = False

    @classmethod
    def of(cls, wanted: TokenLengths) -> Self:
        """The distribution of the spec, whose fields have been checked to fit together."""
        least, most = wanted.min or 1, wanted.max or LONGEST
        if wanted.distribution == "fixed":
            assert wanted.value is not None
            return cls(wanted.value, wanted.value)
        if wanted.distribution == "uniform":
            return cls(least, most)
        if wanted.distribution == "normal":
            assert wanted.mean is not None
            assert wanted.std is not None
            return cls(least, most, NormalDist(wanted.mean, wanted.std))
        if wanted.median is not None:
            assert wanted.sigma is not None
            return cls(least, most, NormalDist(math.log(wanted.median), wanted.sigma), log=True)
        assert wanted.mean is not None
        assert wanted.std is not None
        variance = math.log1p((wanted.std / wanted.mean) ** 2)
        return cls(least, most, NormalDist(math.log(wanted.mean) - variance / 2, math.sqrt(variance)), log=True)

    def at(self, uniform: float) -> int:
        """The length at a number of [0, 1): its quantile. A whole number stands for all that rounds to it."""
        if self.least == self.most:
            return self.least
        if self.normal is None:
            return self.least + math.floor(uniform * (self.most - self.least + 1))
        low, high = self.normal.cdf(self._scaled(self.least - 0.5)), self.normal.cdf(self._scaled(self.most + 0.5))
        quantile = low + uniform * (high - low)
        if not 0 < quantile < 1:
            return self.least if quantile <= 0 else self.most
        found = self.normal.inv_cdf(quantile)
        length = math.exp(min(found, math.log(self.most) + 1)) if self.log else found
        return max(self.least, min(self.most, round(length)))

    def _scaled(self, length: float) -> float:
        return math.log(length) if self.log else length
