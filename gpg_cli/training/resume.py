"""Which checkpoint `--resume` goes on from, and whether its settings are those of now."""

from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.pickles import check_checkpoint
from gpg_cli.pretrained import check_adapter
from gpg_cli.run_folder import RUN_FILE, read_json
from gpg_cli.sealed_folder import MANIFEST, what_is_wrong
from gpg_cli.training.checkpoints import differing_settings, find_newest, read_facts
from gpg_cli.training.launch import is_started_by_us
from gpg_cli.training.settings import Settings

# What may differ between a checkpoint and the run that goes on from it: none of it changes what a step computes,
# besides max_steps and num_train_epochs, which a user raises to train longer.
MAY_DIFFER = {
    "description",
    "max_steps",
    "num_train_epochs",
    "save_steps",
    "save_strategy",
    "save_total_limit",
    "report_to",
    "run_name",
    "eval_bench",
    "eval_every",
    "eval_limit",
    "log_completions",
    "keep_completions",
    "max_resample_rounds",
    "reward_timeout",
    "max_failed_rewards",
    "max_nonfinite_steps",
    "max_tokens_per_microbatch",
    "dataloader_num_workers",
    # How a step is cut and shared out may change; how many completions it has is compared by itself.
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "accelerate",
    "logging_steps",
    "vllm_gpu_memory_utilization",
    "vllm_server_base_url",
    "vllm_server_host",
    "vllm_server_port",
}

# What going on reads of run.json; the rest is carried over as it is.
_RECORDED: dict[str, type | tuple[type, ...]] = {
    "settings": dict,
    "preset": (str, NoneType),
    "data": (dict, NoneType),
    "push": (dict, NoneType),
    "resumed": (list, NoneType),
}
# And of a checkpoint's manifest.
_OF_CHECKPOINT: dict[str, type] = {"step": int, "settings": dict, "state": dict, "completions_per_step": int}


@dataclass(frozen=True)
class Resumed:
    """A run that goes on.

    Attributes:
        run: its folder.
        checkpoint: whole, the newest or the one that was named.
        settings: the run's, from run.json.
        preset: what it was started with.
    """

    run: Path
    checkpoint: Path
    settings: dict[str, Any]
    preset: str | None

    def check_settings(self, now: Settings, completions_per_step: int) -> None:
        """Refuse to go on with other settings.

        Args:
            now: what was asked for.
            completions_per_step: over all processes.

        Raises:
            GpgError: settings differ that a step depends on; it says which.
        """
        facts = read_facts(self.checkpoint)
        for key, kind in _OF_CHECKPOINT.items():
            if not isinstance(facts.get(key), kind):
                raise GpgError(
                    f"{self.checkpoint / MANIFEST} is damaged: {key} is missing, or not as `gpg train` writes it",
                    f"Go on from another checkpoint, or start a new run from its weights: --model {self.checkpoint}",
                )
        before, after = (
            settings | {"completions a step": completions}
            for settings, completions in (
                (facts["settings"], facts["completions_per_step"]),
                (now.to_dict(), completions_per_step),
            )
        )
        # There the cut is part of the objective.
        may_differ = MAY_DIFFER - ({"per_device_train_batch_size"} if _averages_by_cut(before) else set())
        different = differing_settings(before, after, may_differ=may_differ)
        if different:
            raise GpgError(
                f"{self.checkpoint} was written with other settings: {'; '.join(different)}",
                f"Go on with the same ones, or start a new run from its weights: --model {self.checkpoint}",
            )


def _averages_by_cut(settings: dict[str, Any]) -> bool:
    return settings.get("loss_reduction") == "microbatch" or settings.get("algorithm") in ("grpo", "dr_grpo")


def find_resumed(named: str, output_dir: Path | None) -> Resumed:
    """Understand `--resume`: a checkpoint, a run folder, or nothing, which is the run in --output-dir.

    Raises:
        GpgError: there is no such run, or no whole checkpoint in it; broken ones are named with what is wrong; or
            a pickle in it could run code, see `check_checkpoint`.
    """
    path = Path(named) if named else output_dir
    if path is None:
        raise GpgError("--resume needs to know which run to go on with", "Name its folder: gpg train --resume RUN")
    if path.name.startswith("checkpoint-") and not (path / RUN_FILE).is_file():
        # Whoever started this process has compared the hashes.
        wrong = what_is_wrong(path, hashes=not is_started_by_us()) if path.is_dir() else "it is not there"
        if wrong:
            raise GpgError(f"{path} cannot be gone on from: {wrong}", f"Try its run: --resume {path.parent}")
        run, checkpoint = path.parent, path
    else:
        if not (path / RUN_FILE).is_file():
            raise GpgError(f"{path} is no run folder: it has no {RUN_FILE}", "Start again without --resume.")
        newest = find_newest(path)
        run, checkpoint = path, newest.path
        for ignored, reason in newest.ignored:
            say(f"[yellow]Ignored {escape(str(ignored))}: {escape(reason)}.[/]")
    if not is_started_by_us():
        check_checkpoint(checkpoint)
        check_adapter(checkpoint)
    record = read_json(run / RUN_FILE)
    for key, kinds in _RECORDED.items():
        if not isinstance(record.get(key), kinds):
            raise GpgError(
                f"{run / RUN_FILE} is damaged: {key} is missing, or not as `gpg train` writes it",
                f"Restore the file, or start a new run from the weights: --model {checkpoint}",
            )
    return Resumed(run, checkpoint, record["settings"], record.get("preset"))
