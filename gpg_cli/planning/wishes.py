"""What of a run's settings decides how much memory it takes."""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from gpg_cli.training.settings import Settings

Engine = Literal["transformers", "colocate", "server"]
# Where a recipe sets no limit, prompts are taken to be of this length.
PROMPT_TOKENS = 512
# Bytes of a parameter's state in optimisers of transformers that are not AdamW with two moments in float32.
_MOMENTS = {"sgd": 0, "adafactor": 1, "adamw_8bit": 2, "adamw_bnb_8bit": 2, "paged_adamw_8bit": 2, "lion_32bit": 4}
# One vision token of Qwen's models is 28 x 28 pixels (patches of 14, merged 2 x 2).
_PIXELS_PER_TOKEN = 28 * 28


@dataclass(frozen=True)
class Wishes:
    """The settings, as far as memory depends on them.

    Attributes:
        accelerate: how several processes share the work, as the recipe has it.
        rows: completions of a micro-batch (per_device_train_batch_size).
        accumulation: gradient_accumulation_steps.
        generations: completions of a prompt.
        prompt_tokens, completion_tokens: the longest.
        microbatch_tokens: max_tokens_per_microbatch.
        rounds: steps_per_generation: transformers samples rows x rounds completions at once.
        weights, compute: bytes of a number of the weights as they are loaded, and of a product.
        moments: bytes of the optimiser's state for a parameter.
        reference: whether a second model is held for a KL term.
        lora_rank, lora_modules: of the adapters, where there are any; no modules are all linear layers.
        utilization, sleeps, tensor_parallel: of vLLM.
        picture_tokens: of a row.
        prompts_assumed: whether the recipe says nothing of the longest prompt.
    """

    accelerate: str
    rows: int
    accumulation: int
    generations: int
    prompt_tokens: int
    completion_tokens: int
    microbatch_tokens: int | None
    rounds: int
    checkpointing: bool
    weights: int
    compute: int
    moments: int
    reference: bool
    lora_rank: int | None
    lora_modules: frozenset[str] | None
    engine: Engine
    utilization: float
    sleeps: bool
    tensor_parallel: int
    picture_tokens: int
    prompts_assumed: bool = False

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def tokens(self) -> int:
        """Tokens of the largest micro-batch: see `plan_microbatches`."""
        if self.microbatch_tokens is None:
            return self.rows * self.longest
        return max(self.microbatch_tokens, self.longest)


def read_wishes(settings: "Settings") -> Wishes:
    """The settings of a recipe, with TRL's defaults where it is silent."""
    from gpg_cli.training.config import GPGConfig

    defaults = {field.name: field.default for field in dataclasses.fields(GPGConfig)}
    run = settings.run

    def value(key: str) -> Any:
        given = settings.trainer.get(key)
        return defaults[key] if given is None else given

    half = settings.trainer.get("fp16", False) or settings.trainer.get("bf16", True)
    modules = run.lora_target_modules
    named = frozenset([modules] if isinstance(modules, str) else modules or ()) - {"all-linear"}
    # PEFT's choice for Qwen and Llama where a recipe names none.
    chosen = frozenset({"q_proj", "v_proj"}) if modules is None else named or None
    accumulation = int(value("gradient_accumulation_steps"))
    return Wishes(
        accelerate=run.accelerate,
        rows=int(value("per_device_train_batch_size")),
        accumulation=accumulation,
        generations=int(value("num_generations")),
        prompt_tokens=run.max_prompt_length or PROMPT_TOKENS,
        completion_tokens=int(value("max_completion_length")),
        microbatch_tokens=value("max_tokens_per_microbatch"),
        rounds=int(settings.trainer.get("steps_per_generation") or accumulation),
        checkpointing=bool(value("gradient_checkpointing")),
        weights=4 if run.dtype == "float32" else 2,
        compute=2 if half or run.dtype in ("bfloat16", "float16") else 4,
        moments=_MOMENTS.get(str(value("optim")), 8),
        reference=bool(settings.trainer.get("beta")) and not run.use_peft,
        lora_rank=run.lora_r if run.use_peft else None,
        lora_modules=chosen,
        engine=value("vllm_mode") if value("use_vllm") else "transformers",
        utilization=float(value("vllm_gpu_memory_utilization")),
        sleeps=bool(value("vllm_enable_sleep_mode")),
        tensor_parallel=int(value("vllm_tensor_parallel_size")),
        picture_tokens=(run.max_pixels or 0) // _PIXELS_PER_TOKEN if run.image_column else 0,
        prompts_assumed=run.max_prompt_length is None,
    )
