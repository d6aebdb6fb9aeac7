"""What can be said of repeated measurements: ratios of medians and slopes, with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
DRAWS = 10_000
# The same measurements always give the same interval.
SEED = 809
NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the 95 % interval around it."""

    value: float
    low: float
    high: float

    def told(self, digits: int = 2) -> str:
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} – {self.high:.{digits}f})"


def ratio(base: Sequence[float], other: Sequence[float]) -> Estimate:
    """Return median(other) / median(base) of paired runs; the interval is bootstrapped by pairs.

    Runs in which nothing was measured have no ratio: it is infinite.
    """
    pairs = np.array([base, other], dtype=float)
    if not pairs.all():
        return Estimate(np.inf, np.inf, np.inf)
    count = pairs.shape[1]
    places = np.random.default_rng(SEED).integers(0, count, (DRAWS, count))
    low_base, low_other = np.median(pairs[:, places], axis=2)
    middle_base, middle_other = np.median(pairs, axis=1)
    drawn = low_other / low_base
    share = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [share, 1 - share])
    return Estimate(float(middle_other / middle_base), float(low), float(high))


def slope(at: Sequence[float], values: Sequence[float]) -> Estimate:
    """Return the change of a series per unit of `at`, by least squares.

    Samples a second apart are not independent: the interval counts as many as their first-order
    autocorrelation leaves.
    """
    x, y = np.asarray(at, dtype=float), np.asarray(values, dtype=float)
    centred = x - x.mean()
    spread = float((centred**2).sum())
    steepness = float((centred * y).sum() / spread)
    rest = y - y.mean() - steepness * centred
    noise = float((rest**2).sum()) / max(len(x) - 2, 1)
    error = float(np.sqrt(noise * len(x) / _independent(rest) / spread))
    return Estimate(steepness, steepness - NORMAL_95 * error, steepness + NORMAL_95 * error)


def _independent(rest: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> float:
    """Return how many independent samples a series with this noise is worth."""
    power = float((rest**2).sum())
    correlation = float((rest[1:] * rest[:-1]).sum() / power) if power else 0.0
    kept = min(max(correlation, 0.0), 0.999)
    return max(3.0, len(rest) * (1 - kept) / (1 + kept))


def median(values: Sequence[float]) -> float:
    return float(np.median(np.asarray(values, dtype=float)))
