"""pass@k: the chance that of k samples of a problem at least one is right."""

import math
from collections.abc import Sequence
from statistics import fmean


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """The chance that one of k samples, drawn without putting back from n of which c are right, is right.

    The unbiased estimator of Chen et al. 2021 (arXiv 2107.03374), 1 - C(n - c, k) / C(n, k), as a product, in which
    no number grows large.

    Raises:
        ValueError: k is not in 1..n.
    """
    if not 1 <= k <= samples:
        raise ValueError(f"pass@{k} of {samples} samples")
    if samples - correct < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / number for number in range(samples - correct + 1, samples + 1))


def mean_pass_at(problems: Sequence[tuple[int, int]]) -> dict[int, float]:
    """Mean pass@k over problems for k = 1, 2, 4, ... up to n, and for n.

    n is how many samples the problem with the fewest has: every k is of all problems, so that pass@k cannot fall as k
    grows, and no k is above what was drawn, of an evaluation that was cut short either.

    Args:
        problems: (samples, right samples) of each.
    """
    fewest = min(count for count, _ in problems)
    ks = sorted({2**power for power in range(fewest.bit_length())} | {fewest})
    return {k: fmean(pass_at_k(count, correct, k) for count, correct in problems) for k in ks}
