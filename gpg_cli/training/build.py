"""The pieces of a run that cost time: the model's files and the trainer around them."""

import os
import shutil
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from gpg_cli.quickstart_task import QUICKSTART
from gpg_cli.run_folder import find_model, set_aside_scores
from gpg_cli.training.data import make_prompts
from gpg_cli.training.plan import Plan
from gpg_cli.training.progress import LiveProgress, counting
from gpg_cli.training.record import MetricsFile
from gpg_cli.training.trainer import GPGTrainer


def model_location(plan: Plan) -> str:
    """The folder or Hub id to start from; the quickstart's model is made here where it is not cached yet."""
    name = plan.settings.run.model_name_or_path
    if name != QUICKSTART:
        return find_model(name).location
    from gpg_cli.training.quickstart import quickstart_model

    with counting("warming up a small model (once for each seed)") as update:
        return str(quickstart_model(plan.config.seed, update))


def build_trainer(plan: Plan, model: str, progress: LiveProgress) -> GPGTrainer:
    """Load the model and its tokenizer, render the prompts, and join them to the trainer.

    Raises:
        GpgError: see `make_prompts`.
    """
    run, config = plan.run, plan.config
    loading: dict[str, Any] = {"dtype": run.dtype}
    if run.attn_implementation:
        loading["attn_implementation"] = run.attn_implementation
    if run.model_revision and not Path(model).is_dir():
        loading["revision"] = run.model_revision
    config.model_init_kwargs = loading
    # Progress is shown by a callback of ours.
    config.disable_tqdm = True
    tokenizer = AutoTokenizer.from_pretrained(
        model, revision=loading.get("revision", "main"), padding_side="left", truncation_side="left"
    )
    trainer = GPGTrainer(
        model=model,
        reward_funcs=plan.rewards,
        args=config,
        train_dataset=make_prompts(plan.data, run, tokenizer),
        processing_class=tokenizer,
        callbacks=[MetricsFile(plan.output_dir), progress],
    )
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    return trainer


def save_model(trainer: GPGTrainer, folder: Path) -> None:
    """Write the final model whole or not at all: weights, configuration and tokenizer, nothing pickled."""
    beside = folder.with_name(folder.name + ".tmp")
    trainer.save_model(str(beside))
    # Trainer adds its arguments as a pickle, which no reader of a model needs.
    (beside / "training_args.bin").unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
        set_aside_scores(folder.parent)
    os.replace(beside, folder)
