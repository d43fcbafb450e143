"""95% confidence intervals of scores, of their means and of their differences. Pure functions on shares in [0, 1].

What was drawn is problems: an interval says what the model would score on other problems like these. All of them are
made of Wilson's (1927), so that none is empty, none leaves [0, 1], and none calls a few problems certain.
"""

import math
from collections.abc import Sequence
from statistics import fmean, variance

Interval = tuple[float, float]

# Standard normal quantile of a two-sided 95% interval.
Z95 = 1.959963984540054


def wilson_interval(share: float, count: float) -> Interval:
    """Wilson's 95% score interval of a share; unlike the normal one it stays in [0, 1] and holds near its ends.

    With share p of n and z = 1.96:  (p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)

    Args:
        count: of independent trials; not whole where it is an effective number.
    """
    scale = 1 + Z95**2 / count
    centre = (share + Z95**2 / (2 * count)) / scale
    half_width = Z95 * math.sqrt(share * (1 - share) / count + Z95**2 / (4 * count**2)) / scale
    # At a share of 0 or 1 rounding can leave the bound a hair off the end it is equal to.
    low = 0.0 if share == 0 else centre - half_width
    high = 1.0 if share == 1 else centre + half_width
    return low, high


def clustered_interval(shares: Sequence[float], counts: Sequence[int]) -> Interval:
    """The interval of a mean over problems, each of which was sampled several times.

    Wilson's, for the effective number of independent samples. Where each problem has one sample that is the number of
    problems, and this is Wilson's interval of old.

    Args:
        shares: of right samples, problem by problem.
        counts: how many samples each of them has.
    """
    return wilson_interval(fmean(shares), effective_count(shares, counts))


def effective_count(shares: Sequence[float], counts: Sequence[int]) -> float:
    """How many independent samples would make a mean over problems as certain as it is.

    Samples of one problem are alike, so they are fewer than were drawn. With p the mean and SE its standard error
    clustered by problem, which is that of the problems' means (Miller 2024, arXiv 2411.00640),
    it is p(1 - p)/SE². That SE is itself estimated from few problems is allowed for by the factor (z/t)² of Korn and
    Graubard (1998). It is never less than the problems, even if all samples of each were the same, and never more than
    the samples: problems that came out alike by chance do not make more of them.

    Args:
        shares, counts: see `clustered_interval`.
    """
    problems = len(shares)
    mean = fmean(shares)
    binomial = mean * (1 - mean)
    if problems == 1 or binomial <= 0:
        return problems
    samples = sum(counts)
    squared_error = variance(shares) / problems
    found = binomial / squared_error if squared_error * samples > binomial else samples
    return min(max(found * (Z95 / student_quantile(problems - 1)) ** 2, problems), samples)


def mean_interval(shares: Sequence[float], intervals: Sequence[Interval]) -> Interval:
    """The interval of a plain mean of independent scores, such as a suite's average.

    The square root of the sum of squared errors over their number, for each side by itself: what an interval's bound
    is off the score stands for 1.96 standard errors (Zou and Donner 2008, "MOVER"). So the average is as certain as its
    parts say they are.
    """
    mean = fmean(shares)
    below = math.hypot(*(share - low for share, (low, _) in zip(shares, intervals, strict=True)))
    above = math.hypot(*(high - share for share, (_, high) in zip(shares, intervals, strict=True)))
    return mean - below / len(shares), mean + above / len(shares)


def difference_interval(first: float, of_first: Interval, second: float, of_second: Interval) -> Interval:
    """The interval of first - second, two independent scores; of two shares it is Newcombe's (1998, method 10)."""
    difference = first - second
    below = math.hypot(first - of_first[0], of_second[1] - second)
    above = math.hypot(of_first[1] - first, second - of_second[0])
    return difference - below, difference + above


def paired_interval(differences: Sequence[float], samples: int) -> Interval:
    """The interval of a mean of differences, problem by problem, of two models on the same problems.

    The paired standard error (Miller 2024, arXiv 2411.00640), with Student's quantile, after adding two problems of
    which one went up and one went down by 1/√n, about as far as chance alone moves a problem of n samples. For n = 1
    that is the adjustment of Bonett and Price (2012) for paired shares: a few problems that all came out alike make
    neither a difference nor the want of one certain.

    Args:
        differences: in [-1, 1], at least one.
        samples: n, of the problem and model that have the fewest.
    """
    if len(differences) == 1:
        return -1.0, 1.0
    mean, step = fmean(differences), 1 / math.sqrt(samples)
    adjusted = [*differences, step, -step]
    centre = fmean(adjusted)
    error = math.sqrt(fmean((each - centre) ** 2 for each in adjusted) / len(adjusted))
    half_width = student_quantile(len(differences) - 1) * error
    # The two problems pull the centre towards 0; the mean itself stays inside.
    return max(-1.0, min(mean, centre - half_width)), min(1.0, max(mean, centre + half_width))


def student_quantile(freedom: int) -> float:
    """The 97.5% quantile of Student's t distribution, exact to 0.004.

    In closed form for 1 and 2 degrees of freedom, else the first terms of the series in 1/freedom (Abramowitz and
    Stegun 26.7.5).
    """
    if freedom == 1:
        return math.tan(0.475 * math.pi)
    if freedom == 2:
        return 0.95 * math.sqrt(2 / (1 - 0.95**2))
    z, per = Z95, 1 / freedom
    return (
        z
        + (z**3 + z) / 4 * per
        + (5 * z**5 + 16 * z**3 + 3 * z) / 96 * per**2
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384 * per**3
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160 * per**4
    )
