"""The story of `gpg eval`: benchmarks -> prompts -> samples -> verdicts -> scores -> report."""

import time
from collections import deque
from concurrent.futures import Future

from gpg_cli.console import say
from gpg_cli.evaluation.engine import Completion, Engine
from gpg_cli.evaluation.engines import choose_engine, open_engine
from gpg_cli.evaluation.journal import SAMPLES_FILE, Journal, Sample
from gpg_cli.evaluation.metrics import summarise
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from gpg_cli.evaluation.plan import RESULTS_FILE, EvalRequest, check
from gpg_cli.evaluation.progress import watching
from gpg_cli.evaluation.prompting import Prepared, prepare, prompt_hash
from gpg_cli.evaluation.report import BenchResult, EvalResult
from gpg_cli.grading import Grade, grade_later
from gpg_cli.run_folder import write_json

__all__ = ["EvalRequest", "EvalResult", "evaluate"]


def evaluate(request: EvalRequest) -> EvalResult:
    """Measure a model on benchmarks; leaves results.json and samples.jsonl in the output folder.

    The random state, the environment and the memory of this process are afterwards as they were.

    Raises:
        GpgError: everything a user can mend; found before the model loads wherever it can be.
    """
    started = time.perf_counter()
    plan = check(request)
    location = plan.model.location
    text = load_model_text(location)
    prepared = [prepare(planned, text, request.seed) for planned in plan.benches]
    _mention_surprises(prepared, text)
    engine_name = choose_engine(plan.engine, location)
    longest = max(bench.max_model_length for bench in prepared) or 1
    with open_engine(engine_name, location, text, longest) as engine:
        folder = plan.make_output_folder()
        with Journal(folder / SAMPLES_FILE if folder else None) as journal:
            measured = [_measure(bench, engine, journal, shown=request.show_progress) for bench in prepared]
    result = EvalResult(
        model=request.model,
        engine=engine_name,
        seed=request.seed,
        benches={bench.bench.name: bench for bench in measured},
        seconds=round(time.perf_counter() - started, 2),
        output_dir=str(folder) if folder else None,
    )
    if folder:
        write_json(folder / RESULTS_FILE, result.to_dict())
    return result


def _measure(prepared: Prepared, engine: Engine, journal: Journal, *, shown: bool) -> BenchResult:
    """Sample, grade and journal one benchmark."""
    started = time.perf_counter()
    planned = prepared.planned
    samples: list[Sample] = []
    with watching(planned.bench.name, len(prepared.prompts), shown=shown) as count:
        # Graded beside the engine, so that neither waits for the other.
        graded_later: deque[tuple[int, Completion, Future[Grade]]] = deque()

        def keep_first() -> None:
            sample = _sample(prepared, *graded_later.popleft())
            journal.append(sample)
            samples.append(sample)
            count(sample.verdict == "correct")

        def finish(place: int, completion: Completion) -> None:
            problem = planned.problems.problems[place]
            graded_later.append((place, completion, grade_later(problem.gold, completion.text, planned.bench.rule)))
            while graded_later and graded_later[0][2].done():
                keep_first()

        for place in prepared.too_long:
            finish(place, Completion("", 0, "length"))
        try:
            engine.generate(prepared.requests, lambda request, completion: finish(request.index, completion))
        finally:
            while graded_later:
                keep_first()
    return BenchResult(
        bench=planned.bench,
        metrics=summarise(samples),
        available=planned.problems.available,
        sampling=planned.sampling,
        seconds=time.perf_counter() - started,
        prompt_hash=prompt_hash(prompt.text for prompt in prepared.prompts),
        source=planned.problems.source,
        sha256=planned.problems.sha256,
    )


def _sample(prepared: Prepared, place: int, completion: Completion, grading: Future[Grade]) -> Sample:
    bench, problem = prepared.planned.bench, prepared.planned.problems.problems[place]
    judged = grading.result()
    return Sample(
        bench=bench.name,
        index=problem.index,
        problem=problem.text,
        prompt=prepared.prompts[place].text,
        completion=completion.text,
        extracted=judged.extracted,
        gold=problem.gold,
        verdict=str(judged.verdict),
        tokens=completion.tokens,
        finish_reason=completion.finish_reason,
    )


def _mention_surprises(prepared: list[Prepared], text: ModelText) -> None:
    for item in prepared:
        name = item.planned.bench.name
        if item.planned.bench.chat and not text.has_chat_template:
            say(f"[yellow]The model has no chat template: {name} asks it with the plain prompt.[/]")
        if item.too_long:
            say(
                f"[yellow]{name}: {len(item.too_long)} prompts leave no room for an answer; they count as truncated.[/]"
            )
