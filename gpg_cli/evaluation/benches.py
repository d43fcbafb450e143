"""Benchmarks as data: the validated shape of evals/*.yaml. A new benchmark is one such file and nothing else."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gpg_cli.catalog import find_bench
from gpg_cli.evaluation.yaml_shapes import Shape, read_shape

PLACEHOLDER = "{problem}"

Share = Annotated[float, Field(gt=0, le=1)]


class DataSource(Shape):
    """Where the problems come from: a Hub data set, a generator of ours, or files that the user has to name.

    Attributes:
        hub: id of a data set on the Hugging Face Hub; `config` and `split` belong to it.
        hub_task: what eval.yaml of that data set calls the benchmark, where the Hub keeps a leaderboard of it.
        generator: a name in `rows.GENERATORS`.
        local: for data that is nowhere to be loaded from: what to name with `--data`, and where to get it.
        layout: of a folder of files: `rows` in a data file, or ReasonSeg's pictures with annotations beside them.
    """

    hub: str | None = None
    config: str | None = None
    split: str = "test"
    hub_task: str = "default"
    generator: Literal["quickstart", "quickstart-vision"] | None = None
    local: str | None = None
    layout: Literal["rows", "reasonseg"] = "rows"

    @model_validator(mode="after")
    def _one_source(self) -> "DataSource":
        if sum(source is not None for source in (self.hub, self.generator, self.local)) != 1:
            raise ValueError("name one of hub, generator and local")
        return self

    @property
    def name(self) -> str:
        """For people: `HuggingFaceH4/MATH-500, test`."""
        if self.local is not None:
            return "files of yours"
        if self.hub is None:
            return f"generator {self.generator}"
        return ", ".join(part for part in (self.hub, self.config, self.split) if part)


class Columns(Shape):
    """Names of the data's columns.

    Attributes:
        problem: the text for the model; None where the prompt is the same for every picture.
        gold: the right answer: text, number, or a list of them.
        image: the picture; None for text alone.
        choices: the list that the right letter, in `gold`, chooses from.
    """

    problem: str | None = None
    gold: str
    image: str | None = None
    choices: str | None = None

    @model_validator(mode="after")
    def _something_is_asked(self) -> "Columns":
        if self.problem is None and self.image is None:
            raise ValueError("name the column of the problem, of the image, or both")
        return self

    @property
    def needed(self) -> list[str]:
        """Those that every row must have, that of the picture left out: a row without one may be skipped."""
        return [column for column in (self.problem, self.gold, self.choices) if column is not None]


class PictureSettings(Shape):
    """How a benchmark's pictures are shown.

    Attributes:
        upright: whether they are turned as their EXIF data says.
        max_pixels: to which area the protocol's own processor scales larger ones down; a model's processor may have
            another limit, which is said then, and `--max-pixels` changes.
    """

    upright: bool = True
    max_pixels: Annotated[int, Field(ge=1)] | None = None


class Variant(Shape):
    """Another way in which a benchmark is asked, for a family of models; see `Profile.variant`."""

    prompt: str
    chat: bool = True


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
        prompt: text with `{problem}` in it, where there is a column of problems.
        chat: whether the prompt becomes a user's message in the model's chat template; without, a picture is followed
            by the prompt, and nothing stands around them.
        system_prompt: a system message before it, where there is a chat template.
        variants: other prompts, by the names that profiles choose them by.
        rule: how a completion is judged, see `gpg_cli.grading`.
        expected_tokens: rough length of a completion, for the order in which an engine gets the requests.
        masks: whether a segmenter makes masks of the boxes, which are scored too.
        published: name of a model or method to its published score in percent.
        published_groups: the same for each group: `task` to `Count` to name to score.
        published_masks: name to the published gIoU in percent, by the definition `first_polygon`.
    """

    name: str
    title: str
    description: str
    data: DataSource
    columns: Columns
    groups: dict[str, str] = Field(default_factory=dict)
    gold_after: Annotated[str, Field(min_length=1)] | None = None
    rule: Literal["math-latex", "math-expr", "exact", "choice", "box", "class-name", "geoqa", "vision-training"]
    prompt: str
    chat: bool = True
    system_prompt: str | None = None
    variants: dict[str, Variant] = Field(default_factory=dict)
    pictures: PictureSettings = PictureSettings()
    sampling: SamplingSettings
    expected_tokens: Annotated[int, Field(ge=1)] = 1000
    masks: bool = False
    published: dict[str, float] = Field(default_factory=dict)
    published_groups: dict[str, dict[str, dict[str, float]]] = Field(default_factory=dict)
    published_masks: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _prompt_has_problem(self) -> "Bench":
        for prompt in (self.prompt, *(variant.prompt for variant in self.variants.values())):
            if (PLACEHOLDER in prompt) != (self.columns.problem is not None):
                verb = "lacks" if self.columns.problem else "has no column of problems for its"
                raise ValueError(f"prompt {verb} {PLACEHOLDER}")
        if (self.rule == "choice") != (self.columns.choices is not None):
            raise ValueError("the rule choice and the column of choices belong together")
        if self.masks and self.rule != "box":
            raise ValueError("masks are made of boxes: they need the rule box")
        return self

    @property
    def shows_pictures(self) -> bool:
        return self.columns.image is not None

    def as_variant(self, name: str | None) -> "Bench":
        """The benchmark as its variant of this name has it; as it is where it has none of the name."""
        variant = self.variants.get(name or "")
        return self.model_copy(update={"prompt": variant.prompt, "chat": variant.chat}) if variant else self

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
