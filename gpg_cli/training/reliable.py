"""`ReliableTrainer`: TRL's GRPOTrainer for runs that last weeks, whatever the objective.

Sampling that can be repeated, checkpoints that are whole or not there, steps that move nothing when they should not,
reward functions that may fail, and the time each part of a step takes.

Methods of TRL and transformers that are private are overridden here and in trainer.py. They were read in TRL 1.16.0
and transformers 5.17.0; tests/training/test_overridden.py fails when their signatures change.
"""

import contextlib
import copy
import math
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from rich.markup import escape
from transformers import set_seed
from trl.models.utils import unwrap_model_for_generation
from trl.trainer.utils import is_async_callable

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.training.disk import disk_fault, reason_of
from gpg_cli.training.health import explain_out_of_memory, is_out_of_memory
from gpg_cli.training.kept_completions import SampledGroup
from gpg_cli.training.metrics import peak_memory_gib, resident_memory_gib
from gpg_cli.training.picture_trainer import PictureTrainer, decoded
from gpg_cli.training.reward_guard import GuardedReward
from gpg_cli.training.sampling import HowToSample, SeededEngine, sample_completions, seed_of

# A prompt with its vision tokens, its seed, and its pictures.
Asked = tuple[list[int], int, Sequence[Any]]

# Lines of the log that a trainer, and each of its checkpoints, holds on to.
_REMEMBERED_LINES = 100


class SkippingAccelerator(Accelerator):
    """An accelerator that can be told that the optimiser did not step, so that the scheduler does not either."""

    skip_this_step = False

    @property
    def optimizer_step_was_skipped(self) -> bool:
        return self.skip_this_step or bool(super().optimizer_step_was_skipped)


class ReliableTrainer(PictureTrainer):
    """What our trainers share; takes the arguments of TRL's GRPOTrainer, with a `TrainerConfig` as `args`."""

    log_completions: bool  # TRL's

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._microbatch_rows = self.args.per_device_train_batch_size
        self.accelerator.__class__ = SkippingAccelerator
        self.reward_funcs: list[Any] = [self._guarded(function) for function in self.reward_funcs]
        if self.use_vllm and self.vllm_mode == "colocate":
            image_token = self._reader.image_token if self._reader is not None else None
            self.vllm_generation.llm = SeededEngine(self.vllm_generation.llm, image_token)
        self._row_seeds: list[int] = []
        self._seconds: dict[str, float] = {}
        self._step_started = time.perf_counter()
        self._nonfinite_in_a_row = 0

    def train(self, *args: Any, **kwargs: Any) -> Any:
        self._step_started = time.perf_counter()
        return super().train(*args, **kwargs)

    # Sampling

    def seed_step(self) -> None:
        """Make everything random in a step, dropout included, a function of (run seed, step, process)."""
        self.accelerator.skip_this_step = False
        set_seed(seed_of(self.args.seed, self.state.global_step, self.accelerator.process_index) % 2**32)

    def _generate_single_turn(
        self,
        prompt_ids: list,
        images: Any,
        multimodal_fields: dict,
        num_generations: int,
        has_tool_images: bool = False,
    ) -> tuple[list[list[int]], Any]:
        seeds = self._row_seeds
        if self.use_vllm:
            self._seed_vllm(seeds)
            images = images and [row and [decoded(picture) for picture in row] for row in images]
        elif len(seeds) == len(prompt_ids) and not multimodal_fields and not self.use_transformers_continuous_batching:
            return self._sample_seeded(prompt_ids, seeds, images), None
        return super()._generate_single_turn(prompt_ids, images, multimodal_fields, num_generations, has_tool_images)

    def _sample_seeded(self, prompt_ids: list[list[int]], seeds: list[int], pictures: Any) -> list[list[int]]:
        shown = self.shown(pictures)
        with self._model_for_sampling() as model:
            return sample_completions(
                model,
                prompt_ids,
                seeds,
                self.generation_config,
                self._tokenizer.pad_token_id,
                self.eos_token_ids,
                partial(self.showing, shown),
            )

    @contextlib.contextmanager
    def _model_for_sampling(self) -> Iterator[Any]:
        with (
            unwrap_model_for_generation(
                self.model_wrapped,
                self.accelerator,
                gather_deepspeed3_params=self.args.ds3_gather_for_generation,
                generation_kwargs=self.generation_kwargs,
                gradient_checkpointing_kwargs=self.args.gradient_checkpointing_kwargs,
            ) as model,
            torch.no_grad(),
            self._dist.summon_full_params(self.model_wrapped, recurse=False),
        ):
            training = model.training
            model.eval()
            try:
                yield model
            finally:
                model.train(training)

    def complete(
        self,
        prompts: Sequence[Sequence[int]],
        seeds: Sequence[int],
        how: HowToSample,
        pictures: Sequence[Sequence[Any]] | None = None,
    ) -> list[list[int]]:
        """Complete other prompts than the training's, through its engine; all processes call it, and all get the whole.

        Args:
            prompts: tokens, with one image token a picture.
            seeds: one a prompt.
            pictures: of each prompt, undecoded; None where no prompt has any.
        """
        shown = pictures or [()] * len(prompts)
        rows = list(zip(self.with_vision_tokens(prompts, shown), seeds, shown, strict=True))
        # Every process has as many, because all of them take part in each call.
        share = -(-len(rows) // self.accelerator.num_processes)
        padded = rows + rows[-1:] * (share * self.accelerator.num_processes - len(rows))
        own = padded[self.accelerator.process_index * share :][:share]
        with self.phase("eval"):
            completions = gather_object(
                self._complete_with_vllm(own, how) if self.use_vllm else self._complete(own, how)
            )
        return completions[: len(rows)]

    def _complete(self, rows: Sequence[Asked], how: HowToSample) -> list[list[int]]:
        config = copy.deepcopy(self.generation_config)
        config.update(temperature=how.temperature or 1.0, top_p=how.top_p, top_k=0, min_p=None)
        config.update(max_new_tokens=how.max_tokens)
        made: list[list[int]] = []
        with self._model_for_sampling() as model:
            # No more at once than while training, for which the memory is known to be enough.
            for start in range(0, len(rows), self._microbatch_rows):
                prompts, seeds, pictures = zip(*rows[start : start + self._microbatch_rows], strict=True)
                made += sample_completions(
                    model,
                    prompts,
                    seeds if how.temperature else None,
                    config,
                    self._tokenizer.pad_token_id,
                    self.eos_token_ids,
                    partial(self.showing, self.shown(pictures)),
                )
        return made

    def _complete_with_vllm(self, rows: Sequence[Asked], how: HowToSample) -> list[list[int]]:
        engine = self.vllm_generation
        wanted = {"temperature": how.temperature, "top_p": how.top_p, "top_k": 0, "min_p": 0.0}
        wanted |= {"max_completion_length": how.max_tokens}
        before = {name: getattr(engine, name) for name in wanted}
        self._row_seeds = [seed for _, seed, _ in rows]
        images = [list(pictures) or None for _, _, pictures in rows]
        try:
            for name, value in wanted.items():
                setattr(engine, name, value)
            return self._generate_single_turn(
                [prompt for prompt, _, _ in rows], images if any(images) else None, {}, 1
            )[0]
        finally:
            for name, value in before.items():
                setattr(engine, name, value)

    def note(self, name: str, value: float) -> None:
        """Log a number with those of the step."""
        self._metrics["train"][name].append(value)

    def _seed_vllm(self, seeds: list[int]) -> None:
        """One seed a request where the engine is ours; TRL's server takes one seed a call (its requests share it)."""
        if self.vllm_mode == "server":
            # The server samples n completions of a prompt with seeds that count up from this one.
            self.vllm_generation.generation_kwargs["seed"] = seed_of(self.args.seed, self.state.global_step) % 2**31
        else:
            generation = self.vllm_generation
            if generation.tensor_parallel_size > 1:
                gathered: list[list[int]] = [[]] * generation.tensor_parallel_size
                torch.distributed.all_gather_object(gathered, seeds, group=generation.tp_group)
                seeds = [seed for part in gathered for seed in part]
            generation.llm.seeds = seeds

    def take_sampled(self) -> list[SampledGroup]:
        """What was sampled since the last call, on the main process; see `kept_completions.Samples`."""
        return []

    # Rewards

    def _guarded(self, function: Any) -> Any:
        plain = callable(function) and not isinstance(function, torch.nn.Module)
        if not plain or is_async_callable(function) or isinstance(function, GuardedReward):
            return function
        return GuardedReward(function, self.args.reward_timeout)

    def _log_completion_extra(self, column: str, values: list) -> None:
        # TRL appends, so that two rewards which log the same column would leave two values a completion.
        self._pending_extra_logs[column] = list(values)

    def report_rewards(self) -> None:
        """Log how many rewards failed since the last call; too many end the run (the first failures are named).

        Raises:
            GpgError: a function failed for more than `max_failed_rewards` of the completions.
        """
        for name, function in zip(self.reward_func_names, self.reward_funcs, strict=True):
            if not isinstance(function, GuardedReward):
                continue
            report = function.take_report()
            counts = torch.tensor([len(report.failures), report.rows], dtype=torch.float)
            failed, rows = self.accelerator.reduce(counts.to(self.accelerator.device), reduction="sum").tolist()
            self._metrics["train"][f"rewards/{name}/failed"].append(failed)
            step = self.state.global_step + 1
            example = f": {report.failures[0].reason}" if report.failures else ""
            what = f"the reward {name} failed for {failed:.0f} of {rows:.0f} completions of step {step}{example}"
            if report.failures:
                say(f"[yellow]{escape(what)}[/]")
            if rows and failed / rows > self.args.max_failed_rewards:
                self._end_with_checkpoint(
                    what,
                    "Mend the reward function, then go on with --resume (or raise max_failed_rewards).",
                )

    # Steps that move nothing

    def skip_step(self, reason: str) -> None:
        """Let the optimiser and the scheduler pass over this step: no gradient, so no weight decay either."""
        if not self.is_deepspeed_enabled:
            self.model_wrapped.zero_grad(set_to_none=True)
        self.accelerator.skip_this_step = True
        self._metrics["train"][f"skipped/{reason}"].append(1.0)

    def _get_grad_norm(self, model: torch.nn.Module, grad_norm: Any = None) -> float:
        if self.accelerator.skip_this_step:
            return 0.0  # DeepSpeed would tell the norm of an earlier step
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if isinstance(norm, torch.Tensor):
            norm = (norm.full_tensor() if hasattr(norm, "full_tensor") else norm).item()  # FSDP2 has a DTensor
        if norm is None or math.isfinite(norm):
            self._nonfinite_in_a_row = 0
            return norm or 0.0
        self._skip_nonfinite()
        return 0.0

    def _skip_nonfinite(self) -> None:
        """Skip a step whose gradient is NaN or infinite; DeepSpeed has done so itself.

        The gradient's norm is that of all processes, so all of them come here in the same step.

        Raises:
            GpgError: it is the last of `max_nonfinite_steps` in a row.
        """
        self.skip_step("nonfinite")
        self._nonfinite_in_a_row += 1
        where = self.save_offenders()
        say(
            f"[yellow]step {self.state.global_step + 1}: the loss or its gradient is not finite; the step is skipped"
            + (f", its prompts are in {where}" if where else "")
            + "[/]"
        )
        if self._nonfinite_in_a_row >= self.args.max_nonfinite_steps:
            self._end_with_checkpoint(
                f"the loss or its gradient was not finite {self._nonfinite_in_a_row} steps in a row",
                f"Look at {where or 'the prompts of those steps'}; lower learning_rate or max_grad_norm.",
            )

    def save_offenders(self) -> Path | None:
        """Write down what a step with a non-finite loss was trained on; trainers that know it say where."""
        return None

    def _end_with_checkpoint(self, message: str, hint: str) -> None:
        self._repeat_step = True
        if self.args.save_strategy != "no":
            self._save_checkpoint(self.model, trial=None)
        raise GpgError(message, hint)

    # Time and memory

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a part of a step, and say which part it was when memory runs out.

        Raises:
            GpgError: there is no memory left.
        """
        started = time.perf_counter()
        try:
            yield
        except Exception as error:
            if is_out_of_memory(error):
                raise explain_out_of_memory(name, self.args, self._microbatch_rows) from error
            raise
        finally:
            if self.accelerator.device.type == "cuda":
                torch.cuda.synchronize()
            self._seconds[name] = self._seconds.get(name, 0.0) + time.perf_counter() - started

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            if self.accelerator.skip_this_step:
                logs["loss"] = 0.0  # of a step that was skipped, some processes may know a number
            now = time.perf_counter()
            whole, self._step_started = now - self._step_started, now
            parts = {name: self._seconds.pop(name, 0.0) for name in ("generate", "reward", "train", "eval")}
            parts |= {"other": max(0.0, whole - sum(parts.values())), "step": whole}
            logs |= {f"time/{name}": round(seconds, 4) for name, seconds in parts.items()}
            self._metrics["train"].pop("step_time", None)  # TRL's, without sampling or optimiser
            logs["memory/peak_gib"] = round(peak_memory_gib(self.accelerator.device), 3)
            logs["memory/resident_gib"] = round(resident_memory_gib(), 3)
            # Present in every line, so that a reader need not know whether it may be missing.
            for reason in ("dead", "nonfinite"):
                self._metrics["train"].setdefault(f"skipped/{reason}", [0.0])
        logs_completions = self.log_completions
        # With the totals at the end TRL would write the last step's once more, or none over them where a run that is
        # gone on with had no step left.
        self.log_completions = logs_completions and "loss" in logs
        try:
            super().log(logs, start_time)
        except OSError as error:
            if not self.log_completions or disk_fault(error) is None:
                raise
            name = f"completions/completions_{self.state.global_step:05d}.parquet"
            (Path(self.args.output_dir) / name).unlink(missing_ok=True)
            say(f"[red]could not write {name}: {reason_of(error)}[/]; the run goes on without")
        finally:
            self.log_completions = logs_completions
        # transformers keeps all lines, and writes all of them into each checkpoint; metrics.jsonl has them.
        del self.state.log_history[:-_REMEMBERED_LINES]
