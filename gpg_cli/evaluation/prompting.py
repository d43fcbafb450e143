"""From problems to requests: prompts rendered, token budgets cut to what the model has room for, a seed for each."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from gpg_cli.evaluation.engine import Request, Sampling
from gpg_cli.evaluation.model_text import ModelText, Prompt
from gpg_cli.evaluation.plan import PlannedBench


@dataclass(frozen=True)
class Prepared:
    """One benchmark ready for an engine.

    Attributes:
        prompts: one a problem.
        requests: for the problems whose prompt leaves room for a completion; `index` is the place in `prompts`.
        too_long: places of the other problems.
    """

    planned: PlannedBench
    prompts: list[Prompt]
    requests: list[Request]
    too_long: list[int]

    @property
    def max_model_length(self) -> int:
        """Longest prompt and completion together, in tokens; 0 without any request."""
        return max((len(request.token_ids) + request.sampling.max_tokens for request in self.requests), default=0)


def prepare(planned: PlannedBench, text: ModelText, seed: int) -> Prepared:
    """Render a benchmark's prompts for a model and turn them into requests."""
    bench, sampling = planned.bench, planned.sampling
    bounds = [bound for bound in (text.context_length, sampling.max_model_length) if bound is not None]
    prompts = [text.prompt(bench, problem.text) for problem in planned.problems.problems]
    requests, too_long = [], []
    for place, prompt in enumerate(prompts):
        room = min(bounds) - len(prompt.token_ids) if bounds else sampling.max_tokens
        if room < 1:
            too_long.append(place)
            continue
        max_tokens = min(sampling.max_tokens, room)
        seed_of_sample = sample_seed(seed, bench.name, planned.problems.problems[place].index)
        requests.append(
            Request(place, prompt.token_ids, Sampling(sampling.temperature, sampling.top_p, max_tokens, seed_of_sample))
        )
    return Prepared(planned, prompts, requests, too_long)


def sample_seed(seed: int, bench: str, index: int) -> int:
    """A seed of 31 bits that depends on the run's seed and the problem, not on what else is evaluated with it."""
    digest = hashlib.sha256(f"{seed}/{bench}/{index}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1


def prompt_hash(texts: Iterable[str]) -> str:
    """Hash of a set of prompts whatever their order, as lighteval writes it into its results files.

    xxh64 of each text, the hex digests sorted and joined, xxh64 of that: prompts equal to those of a published log give
    the number that stands in the log.
    """
    from xxhash import xxh64_hexdigest

    digests = sorted(xxh64_hexdigest(text.encode("utf-8", errors="surrogatepass")) for text in texts)
    return xxh64_hexdigest("".join(digests).encode())
