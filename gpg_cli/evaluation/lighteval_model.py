"""Our engines as a model of lighteval's. Importing this needs lighteval."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from lighteval.models.abstract_model import LightevalModel, ModelConfig
from lighteval.models.model_output import ModelResponse
from lighteval.tasks.requests import Doc

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.journal import Sample
from gpg_cli.evaluation.prompting import Prepared


class EngineConfig(ModelConfig):
    """What lighteval's results say about the model.

    Attributes:
        engine: which of our engines answered.
        sampling: task to how its completions were sampled; `generation_parameters` holds what is the same in all.
    """

    engine: str
    sampling: dict[str, dict[str, Any]]


class _NoCache:
    """In place of lighteval's cache of completions under the home folder: our journal keeps them."""

    def _init_registry(self, registry: Any) -> None:
        """lighteval's pipeline calls this (0.13.0)."""


class EngineModel(LightevalModel):
    """Answers lighteval's questions with samples of ours: with our prompts, from our engines.

    Args:
        config: what lighteval writes about the model into its results.
        tasks: name of each task, number of few-shot examples included, to the prompts of its benchmark; a question's
            `id` is its place among them.
        sample: makes every sample of the evaluation; called once, when lighteval asks for completions.
        samples: of each problem.
    """

    def __init__(
        self,
        config: EngineConfig,
        tasks: Mapping[str, Prepared],
        sample: Callable[[], Iterable[Sample]],
        samples: int,
    ) -> None:
        self.config = config
        self._tasks = tasks
        self._sample = sample
        self._samples = samples
        self._cache = _NoCache()

    def greedy_until(self, docs: list[Doc]) -> list[ModelResponse]:
        """All questions of all tasks at once; despite its name, sampled as the benchmarks say.

        Raises:
            GpgError: an engine fails; a sample is missing.
        """
        made = {sample.key: sample for sample in self._sample()}
        return [self._response(doc, made) for doc in docs]

    def _response(self, doc: Doc, made: Mapping[tuple[str, int, int], Sample]) -> ModelResponse:
        prepared = self._tasks[doc.task_name]
        place = int(doc.id)
        bench, index = prepared.planned.bench.name, prepared.planned.problems.problems[place].index
        samples = [made.get((bench, index, number)) for number in range(self._samples)]
        if None in samples:
            raise GpgError(
                f"{bench}: problem {index + 1} has no completion, so lighteval cannot score it",
                "Run the same command again: it makes the samples that are missing.",
            )
        prompt = prepared.prompts[place]
        texts = [sample.completion for sample in samples if sample]
        return ModelResponse(input=prompt.text, input_tokens=list(prompt.token_ids), text=texts)

    def loglikelihood(self, docs: list[Doc]) -> NoReturn:
        raise NotImplementedError("none of our tasks asks for likelihoods")

    def loglikelihood_rolling(self, docs: list[Doc]) -> NoReturn:
        raise NotImplementedError("none of our tasks asks for likelihoods")

    # lighteval wants these three of every model, and uses them only where it makes the prompts itself.
    @property
    def tokenizer(self) -> Any:
        return None

    @property
    def add_special_tokens(self) -> bool:
        return False

    @property
    def max_length(self) -> int:
        return max(prepared.max_model_length for prepared in self._tasks.values())
