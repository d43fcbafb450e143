"""`SavingTrainer`: checkpoints that are whole or not there, and a run that goes on from one bit for bit."""

import shutil
from pathlib import Path
from typing import Any

import torch
from rich.markup import escape
from safetensors import safe_open
from transformers import PreTrainedModel
from trl import GRPOTrainer

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.pretrained import explained, load_weights
from gpg_cli.run_folder import COMPLETIONS_FILE, METRICS_FILE
from gpg_cli.sealed_folder import seal
from gpg_cli.training.checkpoints import STAGING, delete_old, publish, read_facts
from gpg_cli.training.config import TrainerConfig
from gpg_cli.training.disk import disk_fault


class SavingTrainer(GRPOTrainer):
    """TRL's trainer with another way of saving; transformers 5.17 writes checkpoints in place and would take up a
    half-written one.

    Args:
        settings: of the run, written into the manifest of each checkpoint, so that --resume can tell what differs.
    """

    args: TrainerConfig

    def __init__(self, *args: Any, settings: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = settings or {}
        self._saving_in: str | None = None
        # Whether a checkpoint that is written now should make the current step again: it failed.
        self._repeat_step = False

    def train(self, resume_from_checkpoint: str | None = None, **kwargs: Any) -> Any:
        """As TRL's; `resume_from_checkpoint` names a folder that `find_newest` found whole."""
        if resume_from_checkpoint:
            self._check_kind(Path(resume_from_checkpoint))
            self.load_own_state(read_facts(Path(resume_from_checkpoint))["state"])
        with explained(resume_from_checkpoint or "the run"):
            return super().train(resume_from_checkpoint=resume_from_checkpoint, **kwargs)

    def _check_kind(self, checkpoint: Path) -> None:
        """
        Raises:
            GpgError: the checkpoint holds what only another kind of training can read.
        """
        if (checkpoint / "scaler.pt").exists() and self.accelerator.scaler is None:
            kind = "scaler.pt, which belongs to training in float16"
        elif (checkpoint / "pytorch_model_fsdp_0").exists() and not self.is_fsdp_enabled:
            kind = "shards of FSDP, and this training is not with accelerate=fsdp"
        else:
            return
        raise GpgError(
            f"{checkpoint} holds {kind}",
            "Go on as it was written, or start a new run from its weights, which `gpg export` puts together.",
        )

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: torch.nn.Module | None = None) -> None:
        """As transformers', which gives a vision-language model none of its weights back, and says so in no more than
        a log line: 5.17 saves them under the names of older versions (`visual.*`), and does not translate them here.
        """
        target = self.model if model is None else model
        plain = isinstance(target, PreTrainedModel) and not self.is_fsdp_enabled
        if not plain or _weight_names(Path(resume_from_checkpoint)) <= target.state_dict().keys():
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        saved = load_weights(type(target), resume_from_checkpoint, dtype=target.dtype)
        target.load_state_dict(saved.state_dict())

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        """As transformers', which makes one step more where a checkpoint of the last step is gone on from (5.17)."""
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
        else:
            super()._run_epoch(*args, **kwargs)

    def own_state(self) -> dict[str, Any]:
        """What a checkpoint holds besides what transformers puts there, as JSON values."""
        return {}

    def load_own_state(self, state: dict[str, Any]) -> None:
        """The reverse of `own_state`."""

    def _get_output_dir(self, trial: Any) -> str:
        return self._saving_in or super()._get_output_dir(trial)

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Write beside, seal with hashes, rename: at every moment the last good checkpoint is there.

        A full disk costs this checkpoint, not the run.
        """
        run = Path(super()._get_output_dir(trial))
        name = f"checkpoint-{self.state.global_step}"
        staged = run / STAGING
        main = self.accelerator.is_main_process
        if main:
            _remove(staged)
        self.accelerator.wait_for_everyone()
        self._saving_in = str(staged)
        problem: OSError | None = None
        try:
            super()._save_checkpoint(model, trial)
        except Exception as error:
            problem = _disk_problem(error)
        finally:
            self._saving_in = None
        # Each process writes files of its own, the last without waiting for the others: a manifest made before would
        # lack some, and so would one of a checkpoint that another process had no room for.
        elsewhere = self._any_process(problem is not None)
        if main:
            try:
                if not elsewhere:
                    for record in (METRICS_FILE, COMPLETIONS_FILE):
                        if (run / record).is_file():
                            shutil.copy(run / record, staged / name)
                    seal(staged / name, self._facts())
                    publish(staged / name, run / name)
                    delete_old(run, self.args.save_total_limit, protect=run / name)
            except Exception as error:
                problem = _disk_problem(error)
            finally:
                _remove(staged)
            if elsewhere and not problem:
                problem = OSError("another process had no room for its part")
        if problem:
            what = escape(f"could not write {run / name}: {problem.strerror or problem}")
            say(f"[red]{what}[/]; the run goes on, and the last checkpoint is untouched")
        self.accelerator.wait_for_everyone()

    def _any_process(self, here: bool) -> bool:
        """Whether it is so in any process; all of them ask, and wait for each other."""
        flag = torch.tensor(float(here), device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag, reduction="sum").item())

    def _facts(self) -> dict[str, Any]:
        return {
            "step": self.state.global_step,
            "processes": self.accelerator.num_processes,
            "completions_per_step": self.args.completions_per_step,
            "settings": self._settings,
            "state": self.own_state(),
        }

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: TRL would write a card for GRPO into the run folder; `gpg export` writes one that knows the run."""


def _weight_names(folder: Path) -> set[str]:
    """The names of the tensors that a model was saved with."""
    names: set[str] = set()
    for path in folder.glob("model*.safetensors"):
        with safe_open(path, framework="pt") as file:
            names.update(file.keys())
    return names


def _disk_problem(error: Exception) -> OSError:
    """Why the checkpoint could not be written; anything but that is raised again."""
    problem = error if isinstance(error, OSError) else disk_fault(error)
    if problem is None:
        raise error
    return problem


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
