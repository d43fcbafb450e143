"""The pieces of a run that cost time: the model's files and the trainer around them."""

import filecmp
import os
import shutil
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, AutoTokenizer, TrainerCallback
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from gpg_cli import trust
from gpg_cli.errors import GpgError
from gpg_cli.model_files import loading
from gpg_cli.pretrained import check_weights, explained, load, load_weights, weights_options
from gpg_cli.quickstart_pictures import QUICKSTART_VISION
from gpg_cli.quickstart_task import QUICKSTART
from gpg_cli.run_folder import ADAPTER_FOLDER, find_model, set_aside_scores
from gpg_cli.training.baseline import BaselineTrainer
from gpg_cli.training.config import GPGConfig
from gpg_cli.training.data import make_prompts
from gpg_cli.training.data.picture_prompts import prepare_processor
from gpg_cli.training.disk import disk_fault
from gpg_cli.training.going_on import resume_command
from gpg_cli.training.parallel import adopt_process_group, check_not_fallen_back
from gpg_cli.training.pictures import freeze_parts
from gpg_cli.training.plan import Plan
from gpg_cli.training.progress import counting
from gpg_cli.training.reliable import ReliableTrainer
from gpg_cli.training.settings import RunSettings
from gpg_cli.training.trainer import GPGTrainer
from gpg_cli.vision.model import is_vision_config, load_processor


def model_location(plan: Plan) -> str:
    """The folder or Hub id to start from; a quickstart's model is made here where it is not cached yet."""
    name = plan.settings.run.model_name_or_path
    if name not in (QUICKSTART, QUICKSTART_VISION):
        return find_model(name).location
    with counting("warming up a small model (once for each seed)") as update:
        if name == QUICKSTART:
            from gpg_cli.training.quickstart import quickstart_model

            return str(quickstart_model(plan.config.seed, update))
        from gpg_cli.training.quickstart_vision import quickstart_vision_model

        return str(quickstart_vision_model(plan.config.seed, update))


def load_processing(plan: Plan, model: str) -> Any:
    """The tokenizer of a model folder or Hub id, or its processor where the data has pictures; as sampling needs it.

    With a recipe's own chat template.

    Raises:
        GpgError: it cannot be loaded; see `load_processor`.
    """
    revision = plan.run.model_revision if not Path(model).is_dir() else None
    left: dict[str, Any] = {"padding_side": "left", "truncation_side": "left"}
    processing: Any
    if plan.data.pictures is not None:
        limits = {"min_pixels": plan.run.min_pixels, "max_pixels": plan.run.max_pixels}
        processing = load_processor(model, revision=revision, **limits, **left)
        if processing.chat_template is None:
            processing.chat_template = processing.tokenizer.chat_template
    else:
        with loading(f"the tokenizer of {model}", "Check the model's files."):
            processing = load(AutoTokenizer, model, revision=revision or "main", **left)
            # Some wrong values in its configuration show themselves only now.
            processing("1")
    if plan.run.chat_template:
        processing.chat_template = plan.run.chat_template
    return processing


def training_prompts(plan: Plan, processing: Any) -> Dataset:
    """The rows that a run trains on.

    Raises:
        GpgError: see `make_prompts`; or fewer prompts are short enough than one step takes.
    """
    run = plan.run
    prompts = make_prompts(plan.data, run, processing, plan.config.chat_template_kwargs)
    if len(prompts) < plan.prompts_per_step:
        raise GpgError(
            f"{len(prompts)} prompts of at most {run.max_prompt_length} tokens are left; one step takes "
            f"{plan.prompts_per_step}",
            "Raise max_prompt_length, or lower per_device_train_batch_size or gradient_accumulation_steps with --set.",
        )
    return prompts


def build_trainer(plan: Plan, model: str, callbacks: list[TrainerCallback]) -> ReliableTrainer:
    """Load the model and its tokenizer, render the prompts, and join them to the trainer.

    Raises:
        GpgError: see `training_prompts` and `check_not_fallen_back`.
    """
    run, config = plan.run, plan.config
    if config.world_size > 1:
        adopt_process_group(run.accelerate)
    check_weights(model)
    config.trust_remote_code = trust.granted().remote_code
    loading: dict[str, Any] = {"dtype": run.dtype, "trust_remote_code": config.trust_remote_code, **weights_options()}
    if run.attn_implementation:
        loading["attn_implementation"] = run.attn_implementation
    if run.model_revision and not Path(model).is_dir():
        loading["revision"] = run.model_revision
    config.model_init_kwargs = loading
    # Progress is shown by a callback of ours.
    config.disable_tqdm = True
    processing = load_processing(plan, model)
    kind = GPGTrainer if isinstance(config, GPGConfig) else BaselineTrainer
    prompts = training_prompts(plan, processing)
    prepare_processor(processing, run)
    try:
        with explained(model):
            trainer = kind(
                model,
                plan.rewards,
                config,
                train_dataset=prompts,
                processing_class=processing,
                callbacks=callbacks,
                peft_config=_peft_config(run),
                settings=plan.settings.to_dict(),
            )
    except ValueError as error:
        if run.use_peft and "target" in str(error):
            raise GpgError(f"LoRA does not fit this model: {error}", "Name its layers: lora_target_modules.") from error
        raise
    freeze_parts(trainer.model, vision=run.freeze_vision, language=run.freeze_llm)
    for callback in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(callback)
    if config.world_size > 1:
        check_not_fallen_back(trainer.accelerator, run.accelerate, config.world_size)
    return trainer


def save_model(trainer: ReliableTrainer, plan: Plan, model: str, folder: Path) -> None:
    """Write the final model whole or not at all: weights, configuration and tokenizer, nothing pickled.

    A LoRA adapter is kept beside it, in the folder `adapter`, and the model is the base with the adapter merged in.

    Raises:
        GpgError: the disk is full; the checkpoints are untouched.
    """
    beside = folder.with_name(folder.name + ".tmp")
    if trainer.accelerator.is_main_process:
        # What a run that was killed left may have been cut into other files.
        shutil.rmtree(beside, ignore_errors=True)
    trainer.accelerator.wait_for_everyone()
    try:
        trainer.save_model(str(beside))
        if not trainer.accelerator.is_main_process:
            return
        # Trainer adds its arguments as a pickle, which no reader of a model needs.
        (beside / "training_args.bin").unlink(missing_ok=True)
        if plan.run.use_peft:
            _put(beside, folder.with_name(ADAPTER_FOLDER))
            _merge(model, plan, folder.with_name(ADAPTER_FOLDER), beside)
    except Exception as error:
        problem = error if isinstance(error, OSError) else disk_fault(error)
        if problem is None:
            raise
        shutil.rmtree(beside, ignore_errors=True)
        raise GpgError(
            f"could not write the final model to {folder}: {problem.strerror or problem}",
            f"Make room, then go on from the last checkpoint: {resume_command(folder.parent)}",
        ) from error
    finally:
        trainer.accelerator.wait_for_everyone()
    if folder.exists():
        if _same_files(beside, folder):
            # Of a run that is gone on with at its end: its scores, if it came so far, are this model's.
            shutil.rmtree(beside)
            return
        set_aside_scores(folder.parent)
    _put(beside, folder)


def _same_files(one: Path, other: Path) -> bool:
    names = sorted(path.name for path in one.iterdir())
    if names != sorted(path.name for path in other.iterdir()):
        return False
    return filecmp.cmpfiles(one, other, names, shallow=False)[0] == names


def _put(beside: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(beside, folder)


def _peft_config(run: RunSettings) -> Any:
    """LoRA as TRL's keys say it, `[q_proj]` included, which TRL 1.16 takes for a regular expression."""
    if not run.use_peft:
        return None
    from peft import LoraConfig

    modules = run.lora_target_modules
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=run.lora_r,
        lora_alpha=run.lora_alpha,
        lora_dropout=run.lora_dropout,
        target_modules="all-linear" if modules == ["all-linear"] else modules,
        modules_to_save=run.lora_modules_to_save,
        use_rslora=run.use_rslora,
        use_dora=run.use_dora,
        bias="none",
    )


def _merge(model: str, plan: Plan, adapter: Path, folder: Path) -> None:
    """From the files, so that it is the same however the training was spread over processes."""
    from peft import PeftModel

    revision = plan.run.model_revision if not Path(model).is_dir() else None
    vision = is_vision_config(load(AutoConfig, model, revision=revision or "main"))
    kind = AutoModelForImageTextToText if vision else AutoModelForCausalLM
    base = load_weights(kind, model, dtype=plan.run.dtype, revision=revision or "main")
    PeftModel.from_pretrained(base, str(adapter)).merge_and_unload().save_pretrained(folder)
    pictures = plan.data.pictures is not None
    (load_processor(str(adapter)) if pictures else load(AutoTokenizer, str(adapter))).save_pretrained(folder)
