"""Benchmarks as data: the validated shape of evals/*.yaml. A new benchmark is one such file and nothing else."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gpg_cli.catalog import find_bench
from gpg_cli.evaluation.yaml_shapes import Shape, read_shape

PLACEHOLDER = "{problem}"

Share = Annotated[float, Field(gt=0, le=1)]


class DataSource(Shape):
    """Where the problems come from: a Hub data set, or a generator of ours.

    Attributes:
        hub: id of a data set on the Hugging Face Hub; `config` and `split` belong to it.
        generator: a name in `problems.GENERATORS`.
    """

    hub: str | None = None
    config: str | None = None
    split: str = "test"
    generator: Literal["quickstart"] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "DataSource":
        if (self.hub is None) == (self.generator is None):
            raise ValueError("name either hub or generator")
        return self

    @property
    def name(self) -> str:
        """For people: `HuggingFaceH4/MATH-500, test`."""
        if self.hub is None:
            return f"generator {self.generator}"
        return ", ".join(part for part in (self.hub, self.config, self.split) if part)


class Columns(Shape):
    """Names of the data's columns: the text for the model, and the gold answer (text, number, or a list of them)."""

    problem: str
    gold: str


class SamplingSettings(Shape):
    """How completions are sampled, one a problem.

    Attributes:
        temperature: 0 is greedy.
        top_p: share of probability that is kept.
        max_tokens: longest completion, in tokens.
        max_model_length: longest prompt and completion together, in tokens; None leaves it to the model.
    """

    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    top_p: Share = 1.0
    max_tokens: Annotated[int, Field(ge=1)]
    max_model_length: Annotated[int, Field(ge=1)] | None = None


class Bench(Shape):
    """One benchmark.

    Attributes:
        name: what a person types; the file's name without its ending.
        groups: what problems are told apart by in reports: `level` to the data's column of it.
        gold_after: where given, the gold is the text after the last occurrence of this mark.
        prompt: text with `{problem}` in it.
        chat: whether the prompt becomes a user's message in the model's chat template.
        rule: how a completion is judged, see `gpg_cli.grading`.
        expected_tokens: rough length of a completion, for the order in which an engine gets the requests.
        published: name of a model or method to its published score in percent.
    """

    name: str
    title: str
    description: str
    data: DataSource
    columns: Columns
    groups: dict[str, str] = Field(default_factory=dict)
    gold_after: str | None = None
    rule: Literal["math-latex", "math-expr", "exact"]
    prompt: str
    chat: bool = True
    sampling: SamplingSettings
    expected_tokens: Annotated[int, Field(ge=1)] = 1000
    published: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _prompt_has_problem(self) -> "Bench":
        if PLACEHOLDER not in self.prompt:
            raise ValueError(f"prompt lacks {PLACEHOLDER}")
        return self

    def query(self, problem: str) -> str:
        """The text put before the model, before any chat template."""
        return self.prompt.replace(PLACEHOLDER, problem)


def load_bench(name: str) -> Bench:
    """A benchmark by its name, or by the path of a YAML file of one's own.

    Raises:
        GpgError: unknown name (the nearest ones are told); the file is missing or not as needed (file, line and key).
    """
    path = Path(name) if is_path(name) else find_bench(name)
    return read_shape(path, Bench, "`gpg benches math500` prints a benchmark to copy from.")


def is_path(name: str) -> bool:
    """Whether a name on the command line means a file of one's own."""
    return name.endswith((".yaml", ".yml"))
