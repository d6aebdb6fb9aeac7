"""Repeated measurements, and what can be said of them: ratios within rounds, slopes, intervals."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 10_000
INTERVAL = (0.025, 0.975)
# The same measurements always give the same interval.
SEED = 809
NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the 95 % interval around it, from so many rounds."""

    value: float
    low: float
    high: float
    rounds: int = 1

    def told(self, form: str = "{:.2f}") -> str:
        told = form.format(self.value)
        if self.rounds == 1:
            return told
        return f"{told} ({form.format(self.low)} – {form.format(self.high)})"


def seconds(act: Callable[[], object]) -> float:
    """Do something and return how long it took."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def in_turns(acts: Sequence[Callable[[], object]], rounds: int, warm: int) -> list[list[float]]:
    """Do each so often, in turns, after some times that do not count; return its milliseconds."""
    turns = [[1000 * seconds(act) for act in acts] for _turn in range(warm + rounds)]
    return [list(each) for each in zip(*turns[warm:], strict=True)]


def milliseconds_told(values: Sequence[float]) -> str:
    """Say where half, 95 % and all of the times lie."""
    low, high, most = (percentile(values, share) for share in (0.5, 0.95, 1.0))
    return f"p50 {low:6.1f}  p95 {high:6.1f}  max {most:6.1f} ms"


def ratio(base: Sequence[float], other: Sequence[float]) -> Estimate:
    """Return the median of other / base within each round; its interval is bootstrapped by rounds.

    Rounds in which nothing was measured have no ratio: it is infinite.
    """
    pairs = np.array([base, other], dtype=float)
    count = pairs.shape[1]
    if not pairs.all():
        return Estimate(np.inf, np.inf, np.inf, count)
    ratios = pairs[1] / pairs[0]
    drawn = ratios[np.random.default_rng(SEED).integers(0, count, (DRAWS, count))]
    low, high = np.quantile(np.median(drawn, axis=1), INTERVAL)
    return Estimate(median(ratios), float(low), float(high), count)


def slope(at: Sequence[float], values: Sequence[float]) -> Estimate:
    """Return the change of a series per unit of `at`, by least squares.

    Samples a second apart are not independent: the interval counts as many as their first-order
    autocorrelation leaves.
    """
    x, y = np.asarray(at, dtype=float), np.asarray(values, dtype=float)
    steepness, offset = map(float, np.polyfit(x, y, 1))
    rest = y - steepness * x - offset
    power = float((rest**2).sum())
    kept = min(max(float((rest[1:] * rest[:-1]).sum()) / (power or 1.0), 0.0), 0.999)
    independent = max(3.0, len(x) * (1 - kept) / (1 + kept))
    noise = power / max(len(x) - 2, 1) * len(x) / independent
    error = NORMAL_95 * float(np.sqrt(noise / ((x - x.mean()) ** 2).sum()))
    return Estimate(steepness, steepness - error, steepness + error, len(x))


def median(values: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> float:
    return float(np.median(np.asarray(values, dtype=float)))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile, 0 where there is no value."""
    return float(np.quantile(values, share, method="higher")) if len(values) else 0.0
