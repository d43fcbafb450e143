"""Private methods of TRL and transformers that our trainers override or call: a test fails when one changes."""

import inspect

import pytest
from accelerate import Accelerator
from transformers import Trainer
from trl import GRPOTrainer
from trl.generation.vllm_generation import VLLMGeneration
from trl.models.utils import unwrap_model_for_generation
from trl.trainer.utils import add_fused_lm_head


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (GRPOTrainer._generate, "self prompts"),
        (
            GRPOTrainer._generate_single_turn,
            "self prompt_ids images multimodal_fields num_generations has_tool_images",
        ),
        (GRPOTrainer._calculate_rewards, "self inputs prompts completions completion_ids_list"),
        (GRPOTrainer._generate_and_score_completions, "self inputs"),
        (GRPOTrainer._log_completion_extra, "self column values"),
        (GRPOTrainer._save_checkpoint, "self model trial"),
        (GRPOTrainer.training_step, "self model inputs num_items_in_batch"),
        (GRPOTrainer.prediction_step, "self model inputs prediction_loss_only ignore_keys"),
        (GRPOTrainer.log, "self logs start_time"),
        (GRPOTrainer._tokenize_prompts, "self prompts"),
        (Trainer._get_output_dir, "self trial"),
        (
            Trainer._run_epoch,
            "self model epoch train_dataloader steps_in_epoch num_update_steps_per_epoch trial ignore_keys_for_eval "
            "start_time resume_from_checkpoint epochs_trained steps_trained_in_current_epoch",
        ),
        (Trainer._load_from_checkpoint, "self resume_from_checkpoint model"),
        (Trainer._get_grad_norm, "self model grad_norm"),
        (VLLMGeneration.generate, "self prompts images num_generations profiler"),
        (add_fused_lm_head, "model temperature cast_lm_head_to_fp32 outputs"),
        (
            unwrap_model_for_generation,
            "model accelerator gather_deepspeed3_params generation_kwargs gradient_checkpointing_kwargs",
        ),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_they_still_take_what_they_took(function: object, parameters: str) -> None:
    assert " ".join(inspect.signature(function).parameters) == parameters


def test_generate_still_returns_eight_things_in_this_order() -> None:
    source = inspect.getsource(GRPOTrainer._generate)
    assert (
        "return prompt_ids, completion_ids, tool_mask, completions, logprobs, extra_fields, images, tool_images"
        in source
    )


def test_the_loop_still_asks_the_accelerator_whether_the_optimiser_stepped() -> None:
    """What lets a step move nothing, its learning rate included."""
    assert "if not self.accelerator.optimizer_step_was_skipped" in inspect.getsource(Trainer._run_epoch)
    assert isinstance(Accelerator.optimizer_step_was_skipped, property)


def test_vllm_is_still_called_with_one_set_of_parameters_for_all_prompts() -> None:
    """SeededEngine turns them into one for each."""
    assert "self.llm.generate(vllm_prompts, sampling_params=sampling_params" in inspect.getsource(
        VLLMGeneration.generate
    )


def test_trl_still_scales_the_loss_for_gradient_accumulation_itself() -> None:
    """GPGTrainer divides by the totals of the step; a division by transformers on top would be one too many."""
    assert GRPOTrainer.loss_is_scaled_for_ga is True
