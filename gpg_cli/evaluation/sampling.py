"""From requests to samples: the engine completes, the grader judges beside it, the journal keeps."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from gpg_cli.evaluation.engine import Completion, Engine, Request, Sampling
from gpg_cli.evaluation.journal import Journal, Sample
from gpg_cli.evaluation.model_text import Prompt
from gpg_cli.evaluation.prompting import Prepared
from gpg_cli.grading import Grade, grade_later, strict_rule


@dataclass(frozen=True)
class Wanted:
    """A sample that is to be made.

    Attributes:
        place: of the problem in `prepared`.
        number: which of the problem's samples, from 0.
        request: for the engine; None where the prompt leaves no room for a completion.
    """

    prepared: Prepared
    place: int
    number: int
    seed: int
    request: Request | None

    @property
    def key(self) -> tuple[str, int, int]:
        """As `Sample.key`."""
        planned = self.prepared.planned
        return planned.bench.name, planned.problems.problems[self.place].index, self.number


def still_wanted(
    prepared: Sequence[Prepared], samples_each: int, seed: int, finished: Iterable[Sample]
) -> list[Wanted]:
    """The samples that are missing, in the order in which an engine should get them.

    Those that are expected to be longest go first, so that batches stay full to the end, and no long completion is left
    to run alone. The samples of a problem stand together: engines share the work of reading their prompt.

    Args:
        samples_each: of each problem.
        seed: of the evaluation.
        finished: what is there already.
    """
    there = {sample.key for sample in finished}
    wanted: list[Wanted] = []
    for item in sorted(prepared, key=lambda item: -item.planned.bench.expected_tokens):
        for place, prompt in enumerate(item.prompts):
            for number in range(samples_each):
                how = item.sampling(place, number, seed)
                one = Wanted(item, place, number, how.seed, _request(len(wanted), prompt, how))
                if one.key not in there:
                    wanted.append(one)
    return wanted


def _request(index: int, prompt: Prompt, how: Sampling) -> Request | None:
    if not how.max_tokens:
        return None
    return Request(index, prompt.token_ids, how, prompt.pictures, prompt.messages, prompt.template)


def sample_all(
    wanted: Sequence[Wanted], engine: Engine, journal: Journal, on_sample: Callable[[Sample], None]
) -> list[Sample]:
    """Make samples; each is in the journal as soon as it is judged, whatever happens to the others.

    Args:
        wanted: as `still_wanted` gives them.
        on_sample: called for each.

    Raises:
        GpgError: the engine fails; what it had completed is in the journal.
    """
    samples: list[Sample] = []
    # Graded beside the engine, so that neither waits for the other.
    graded_later: deque[tuple[Wanted, Completion, Future[Grade], Future[Grade]]] = deque()

    def keep_first() -> None:
        sample = _sample(*graded_later.popleft())
        journal.append(sample)
        samples.append(sample)
        on_sample(sample)

    def finish(one: Wanted, completion: Completion) -> None:
        gold = one.prepared.planned.problems.problems[one.place].gold
        rule = one.prepared.planned.bench.rule
        score = grade_later(gold, completion.text, rule)
        graded_later.append((one, completion, score, grade_later(gold, completion.text, strict_rule(rule))))
        while graded_later and graded_later[0][2].done() and graded_later[0][3].done():
            keep_first()

    by_index = {one.request.index: one for one in wanted if one.request}
    for one in wanted:
        if one.request is None:
            finish(one, Completion("", 0, "length"))
    try:
        if by_index:
            requests = [one.request for one in wanted if one.request]
            engine.generate(requests, lambda request, completion: finish(by_index[request.index], completion))
    finally:
        while graded_later:
            keep_first()
    return samples


def _sample(one: Wanted, completion: Completion, score: Future[Grade], strict: Future[Grade]) -> Sample:
    problem = one.prepared.planned.problems.problems[one.place]
    judged, sound = score.result(), strict.result()
    return Sample(
        bench=one.prepared.planned.bench.name,
        index=problem.index,
        number=one.number,
        problem=problem.text,
        groups=problem.groups,
        prompt=one.prepared.prompts[one.place].text,
        completion=completion.text,
        extracted=judged.extracted,
        gold=problem.gold,
        verdict=str(judged.verdict),
        strict=str(sound.verdict),
        tokens=completion.tokens,
        finish_reason=completion.finish_reason,
        seed=one.seed,
        value=judged.value,
        strict_value=sound.value,
    )
