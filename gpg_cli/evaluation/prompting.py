"""From problems to requests: prompts rendered, token budgets cut to what the model has room for, a seed for each."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Sampling
from gpg_cli.evaluation.model_text import ModelText, Prompt
from gpg_cli.evaluation.plan import PlannedBench


@dataclass(frozen=True)
class Prepared:
    """One benchmark with its prompts.

    Attributes:
        prompts: one a problem.
        rooms: tokens a completion may have, for each prompt; 0 where the prompt leaves none.
    """

    planned: PlannedBench
    prompts: list[Prompt]
    rooms: list[int]

    @property
    def too_long(self) -> int:
        """How many prompts leave no room for a completion."""
        return self.rooms.count(0)

    @property
    def max_model_length(self) -> int:
        """Longest prompt and completion together, in tokens; 0 where no prompt leaves room."""
        lengths = zip(self.prompts, self.rooms, strict=True)
        return max((prompt.length + room for prompt, room in lengths if room), default=0)

    def sampling(self, place: int, number: int, seed: int) -> Sampling:
        """How a sample of a problem is sampled.

        Args:
            place: of the problem in `prompts`.
            number: which of its samples, from 0.
            seed: of the evaluation.
        """
        settings = self.planned.sampling
        problem = self.planned.problems.problems[place]
        own_seed = sample_seed(seed, self.planned.bench.name, problem.index, number)
        return Sampling(settings.temperature, settings.top_p, self.rooms[place], own_seed)


def prepare(planned: PlannedBench, text: ModelText) -> Prepared:
    """Render a benchmark's prompts for a model.

    Raises:
        GpgError: a chat template was asked for by name, and the model has none; the template fails.
    """
    bench, style = planned.bench, planned.style
    if style.must and not (style.template or text.has_chat_template):
        raise GpgError(
            "the model has no chat template, and one was asked for",
            "Leave --chat-template and --system-prompt out, or give a template: --chat-template FILE",
        )
    bounds = [bound for bound in (text.context_length, planned.sampling.max_model_length) if bound is not None]
    prompts = [text.prompt(bench.query(each.text), style, each.pictures) for each in planned.problems.problems]
    longest = planned.sampling.max_tokens
    rooms = [max(0, min([longest, *(bound - prompt.length for bound in bounds)])) for prompt in prompts]
    return Prepared(planned, prompts, rooms)


def sample_seed(seed: int, bench: str, index: int, number: int) -> int:
    """A seed of 31 bits that depends on the run's seed, the problem and the sample, not on what else is evaluated."""
    digest = hashlib.sha256(f"{seed}/{bench}/{index}/{number}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1


def prompt_hash(texts: Iterable[str]) -> str:
    """Hash of a set of prompts whatever their order, as lighteval writes it into its results files.

    xxh64 of each text, the hex digests sorted and joined, xxh64 of that: prompts equal to those of a published log give
    the number that stands in the log.
    """
    from xxhash import xxh64_hexdigest

    digests = sorted(xxh64_hexdigest(text.encode("utf-8", errors="surrogatepass")) for text in texts)
    return xxh64_hexdigest("".join(digests).encode())
