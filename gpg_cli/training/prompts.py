"""In which order the prompts of a data set are used: seeded, without loss or repetition, saved with a checkpoint."""

from collections import defaultdict
from typing import Any, Literal

import numpy as np

SampleStrategy = Literal["uniform", "hard", "soft", "medium"]


class PromptStream:
    """An endless order of prompts, epoch after epoch.

    Every process holds the same stream and draws the same prompts, so nothing needs to be sent. Whatever a step draws
    (further rounds included) comes from here, so that within an epoch no prompt is lost and, unweighted, none comes
    twice; what is left of an epoch that is no multiple of a batch is followed by the next epoch (trap T31).

    Args:
        count: prompts in the data set.
        seed: of the run; the order of epoch e depends on (seed, e) alone.
        strategy: `uniform` is a permutation. The others draw an epoch with replacement, by the mean score a prompt
            had when it was last used: `hard` 1 - mean, `soft` the same but 0 where all or none were right, `medium` 1
            strictly between; a prompt not used yet counts 1.
    """

    def __init__(self, count: int, seed: int, strategy: SampleStrategy = "uniform") -> None:
        self.count = count
        self._seed = seed
        self._strategy = strategy
        self._scores: dict[int, list[float]] = defaultdict(list)
        self._epoch = 0
        self._position = 0
        self._order = self._order_of_epoch()

    def take(self, count: int) -> list[int]:
        """The next prompts, as row numbers of the data set."""
        taken: list[int] = []
        while len(taken) < count:
            if self._position == len(self._order):
                self._epoch += 1
                self._position = 0
                self._order = self._order_of_epoch()
            part = self._order[self._position : self._position + count - len(taken)]
            self._position += len(part)
            taken += part
        return taken

    def observe(self, prompt: int, score: float) -> None:
        """Remember the mean score of a group, between 0 and 1, for the weights of the next epoch."""
        if self._strategy != "uniform":
            self._scores[prompt].append(min(max(score, 0.0), 1.0))

    def state_dict(self) -> dict[str, Any]:
        """Everything the order depends on, as JSON values."""
        return {
            "count": self.count,
            "seed": self._seed,
            "strategy": self._strategy,
            "epoch": self._epoch,
            "position": self._position,
            "order": self._order,
            "scores": {str(prompt): scores for prompt, scores in self._scores.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state.

        Raises:
            ValueError: the state is that of another data set or seed.
        """
        for name, own in (("count", self.count), ("seed", self._seed), ("strategy", self._strategy)):
            if state[name] != own:
                raise ValueError(f"prompt order: {name} was {state[name]!r}, now {own!r}")
        self._epoch, self._position, self._order = state["epoch"], state["position"], list(state["order"])
        self._scores = defaultdict(list, {int(prompt): list(scores) for prompt, scores in state["scores"].items()})

    def _order_of_epoch(self) -> list[int]:
        generator = np.random.default_rng([self._seed, self._epoch])
        if self._strategy == "uniform" or not self._scores:
            return generator.permutation(self.count).tolist()
        weights = np.array([self._weight(prompt) for prompt in range(self.count)])
        if not weights.any():
            # Nothing is worth another look by this strategy: an epoch of everything (upstream ends with an error, T10).
            return generator.permutation(self.count).tolist()
        order = generator.choice(self.count, size=self.count, p=weights / weights.sum()).tolist()
        for prompt in set(order):
            self._scores.pop(prompt, None)
        return order

    def _weight(self, prompt: int) -> float:
        scores = self._scores.get(prompt)
        if not scores:
            return 1.0
        mean = sum(scores) / len(scores)
        if self._strategy == "medium":
            return float(0.0 < mean < 1.0)
        if self._strategy == "soft" and mean in (0.0, 1.0):
            return 0.0
        return 1.0 - mean
