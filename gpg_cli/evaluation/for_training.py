"""What `gpg train` is given of evaluation: benchmarks before, while and after a model trains."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.engine import Completion
from gpg_cli.vision.images import Picture


def measure(model: Path, bench: str, data_files: Mapping[str, Path], limit: int | None, keep: bool) -> float:
    """The share of right answers of a model's folder on a benchmark.

    Args:
        data_files: local files instead of the Hub's data.
        limit: only the first so many problems.
        keep: whether to write samples and scores into the run folder.

    Raises:
        GpgError: see `run.evaluate`.
    """
    from gpg_cli.evaluation.run import EvalRequest, evaluate

    # The score is that of boxes: masks need another model.
    request = EvalRequest(model=str(model), benches=[bench], data_files=data_files, limit=limit, keep=keep, masks="off")
    return evaluate(request).accuracy(bench)


@dataclass(frozen=True)
class HeldOutBench:
    """One benchmark ready for a trainer's engine; see `training.curve.HeldOut`."""

    name: str
    prompts: Sequence[Sequence[int]]
    pictures: Sequence[Sequence[Picture]]
    seeds: Sequence[int]
    temperature: float
    top_p: float
    max_tokens: int
    golds: Sequence[str | tuple[str, ...]]
    rule: str
    completion: Callable[[Sequence[int]], Completion]

    def judge(self, completions: Sequence[Sequence[int]]) -> dict[str, float]:
        """Share of right answers, share of truncated ones, and mean length in tokens."""
        from gpg_cli.grading import grade_all

        texts = [self.completion(tokens) for tokens in completions]
        grades = grade_all(list(zip(self.golds, (text.text for text in texts), strict=True)), self.rule)
        return {
            "score": sum(grade.score for grade in grades) / len(grades),
            "truncated": sum(text.finish_reason == "length" for text in texts) / len(texts),
            "mean_tokens": sum(text.tokens for text in texts) / len(texts),
        }


def held_out(bench: str, data_files: Mapping[str, Path], limit: int | None, model: str, seed: int) -> HeldOutBench:
    """The questions of a benchmark as the tokens that a model is asked with.

    Raises:
        GpgError: there is no such benchmark, its data is not at hand, or no question fits the model.
    """
    from gpg_cli.evaluation.model_text import load_model_text
    from gpg_cli.evaluation.plan import EvalRequest, check
    from gpg_cli.evaluation.prompting import prepare

    plan = check(EvalRequest(model=model, benches=[bench], data_files=data_files, limit=limit, seed=seed, keep=False))
    if len(plan.benches) != 1:
        raise GpgError(f"{bench} is several benchmarks", "Name one of them for eval_bench while training.")
    name, shown = plan.benches[0].bench.name, plan.benches[0].bench.shows_pictures
    text = load_model_text(model, shown_in=[name] if shown else [])
    prepared = prepare(plan.benches[0], text)
    planned = prepared.planned
    places = [place for place, room in enumerate(prepared.rooms) if room]
    if not places:
        raise GpgError(f"no question of {bench} leaves the model room for an answer", "Choose another eval_bench.")
    return HeldOutBench(
        name=name,
        prompts=[prepared.prompts[place].token_ids for place in places],
        pictures=[prepared.prompts[place].pictures for place in places],
        seeds=[prepared.sampling(place, 0, seed).seed for place in places],
        temperature=planned.sampling.temperature,
        top_p=planned.sampling.top_p,
        max_tokens=min(prepared.rooms[place] for place in places),
        golds=[planned.problems.problems[place].gold for place in places],
        rule=planned.bench.rule,
        completion=text.completion,
    )
