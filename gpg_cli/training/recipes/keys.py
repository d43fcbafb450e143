"""Keys of recipes that other projects wrote, and what becomes of each here.

Read from the dataclasses of TRL 0.14 to 1.16 (GRPOConfig, ModelConfig, ScriptArguments, DatasetMixtureConfig and its
GRPO script's), of transformers 4.40 to 5.17 (TrainingArguments), of open-r1's configs.py, and from the 52 public
recipes of the paper's repository. What stands in none of these tables is a setting of today, or is refused as unknown.
"""

from typing import Any

# The same setting under today's name, with the same values.
RENAMED: dict[str, str] = {
    "vllm_max_model_len": "vllm_max_model_length",  # TRL 0.15 to 0.17
    "vllm_guided_decoding_regex": "vllm_structured_outputs_regex",  # TRL 0.16 to 0.27
    "wandb_log_unique_prompts": "log_unique_prompts",  # TRL 0.17 to 0.26, and open-r1
    "dataset_train_split": "dataset_split",  # TRL's ScriptArguments
    "dataset_prompt_column": "problem_column",  # open-r1
    "no_cuda": "use_cpu",  # transformers until 4.57
    "per_gpu_train_batch_size": "per_device_train_batch_size",  # transformers until 4.57
    "torchdynamo": "torch_compile_backend",  # transformers until 4.57, which set the one from the other
}

_NO_EVALUATION = "a loss on held-out rows means nothing here; --set eval_bench=math500 --set eval_every=50 does"
_NO_PUSH = "a recipe does not push; the option --push-to-hub user/name does, with --push-every N checkpoints too"
_NO_CODE = "it belongs to the rewards for code, which need a sandbox"
_ONE_LAUNCHER = "--set accelerate=ddp, zero2, zero3 or fsdp says how processes share the work"
_ONE_LOG = "every step is logged, to metrics.jsonl too"
_OWN_LOSS = "the loss is computed here, not by TRL"
_OWN_LOADER = "a step draws its prompts by a sampler of its own"
_UPSTREAM = "the published code never reads it"
_OLD_HARDWARE = "transformers dropped it"
_WANDB = "set the environment variables WANDB_ENTITY, WANDB_PROJECT and WANDB_RUN_GROUP"

# Why a key that a recipe may hold does nothing in a run of ours. Some of them are settings of TRL still: they are named
# all the same, because they would end a run (evaluation without an evaluation set, a push without a token), or
# would seem to do something.
WITHOUT_EFFECT: dict[str, str] = {
    "overwrite_output_dir": "a folder is replaced only with --overwrite",
    "do_train": "training is what `gpg train` does",
    "logging_strategy": _ONE_LOG,
    "logging_first_step": _ONE_LOG,
    "logging_dir": "set the environment variable TENSORBOARD_LOGGING_DIR",
    "include_tokens_per_second": _ONE_LOG,
    "remove_unused_columns": "the rewards read further columns, so they stay",
    "save_safetensors": "weights are always written as safetensors",
    "model_init_kwargs": "say dtype, attn_implementation and model_revision",
    "ignore_bias_buffers": "it was for debugging with DistributedDataParallel",
    "env": "set environment variables in the shell, before libraries read them",
    # Evaluation: the trainer has no evaluation set.
    "do_eval": _NO_EVALUATION,
    "do_predict": _NO_EVALUATION,
    "evaluation_strategy": _NO_EVALUATION,
    "eval_strategy": _NO_EVALUATION,
    "eval_steps": _NO_EVALUATION,
    "eval_delay": _NO_EVALUATION,
    "eval_on_start": _NO_EVALUATION,
    "eval_accumulation_steps": _NO_EVALUATION,
    "eval_do_concat_batches": _NO_EVALUATION,
    "eval_use_gather_object": _NO_EVALUATION,
    "per_device_eval_batch_size": _NO_EVALUATION,
    "per_gpu_eval_batch_size": _NO_EVALUATION,
    "num_generations_eval": _NO_EVALUATION,
    "batch_eval_metrics": _NO_EVALUATION,
    "bf16_full_eval": _NO_EVALUATION,
    "fp16_full_eval": _NO_EVALUATION,
    "jit_mode_eval": _NO_EVALUATION,
    "include_for_metrics": _NO_EVALUATION,
    "include_inputs_for_metrics": _NO_EVALUATION,
    "prediction_loss_only": _NO_EVALUATION,
    "use_legacy_prediction_loop": _NO_EVALUATION,
    "metric_for_best_model": _NO_EVALUATION,
    "greater_is_better": _NO_EVALUATION,
    "load_best_model_at_end": _NO_EVALUATION,
    "dataset_test_split": _NO_EVALUATION,
    "test_split_size": _NO_EVALUATION,
    "benchmarks": _NO_EVALUATION,
    # Pushing: a run must not fail at its end for lack of a token, nor write one into run.json.
    "push_to_hub": _NO_PUSH,
    "push_to_hub_model_id": _NO_PUSH,
    "push_to_hub_organization": _NO_PUSH,
    "push_to_hub_token": _NO_PUSH,
    "push_to_hub_revision": _NO_PUSH,
    "hub_model_id": _NO_PUSH,
    "hub_strategy": _NO_PUSH,
    "hub_token": _NO_PUSH,
    "hub_private_repo": _NO_PUSH,
    "hub_always_push": _NO_PUSH,
    "hub_revision": _NO_PUSH,
    "hub_model_revision": _NO_PUSH,
    "overwrite_hub_revision": _NO_PUSH,
    "log_completions_hub_repo": _NO_PUSH,
    "callbacks": _NO_PUSH,  # open-r1 knows one, which pushes
    # vLLM as TRL 0.14 to 0.17 ran it, on a GPU of its own.
    "vllm_device": "vLLM shares the training GPU, or is a server (--vllm server)",
    "vllm_dtype": "vLLM takes the model's",
    "vllm_enable_prefix_caching": "vLLM decides",
    "vllm_enforce_eager": "vLLM decides",
    # The published code's own.
    "scale_batch": _UPSTREAM,
    "adjust_lr": _UPSTREAM,
    "code_language": _NO_CODE,
    "code_eval_test_batch_size": _NO_CODE,
    "code_provider": _NO_CODE,
    "ioi_provider": _NO_CODE,
    "parallel_code_exec_per_proc": _NO_CODE,
    "e2b_router_url": _NO_CODE,
    "morph_router_url": _NO_CODE,
    "max_completion_len": "it belongs to soft_overlong_punishment, which is not here",
    "soft_punish_cache": "it belongs to soft_overlong_punishment, which is not here",
    "wandb_entity": _WANDB,
    "wandb_project": _WANDB,
    "wandb_run_group": _WANDB,
    # How data are read and handed out.
    "dataset_streaming": "the whole data set is read and checked first",
    "streaming": "the whole data set is read and checked first",
    "group_by_length": _OWN_LOADER,
    "length_column_name": _OWN_LOADER,
    "train_sampling_strategy": _OWN_LOADER,
    "dispatch_batches": _OWN_LOADER,
    "split_batches": _OWN_LOADER,
    "past_index": _OWN_LOADER,
    # How processes are started and share the work.
    "fsdp_config": _ONE_LAUNCHER,
    "fsdp_min_num_params": _ONE_LAUNCHER,
    "fsdp_transformer_layer_cls_to_wrap": _ONE_LAUNCHER,
    "tp_size": _ONE_LAUNCHER,
    "mp_parameters": _ONE_LAUNCHER,
    "local_rank": _ONE_LAUNCHER,
    "num_processes": "--num-processes starts that many",
    "num_machines": "--num-machines says how many take part",
    # Numbers and devices of older transformers.
    "fp16_backend": _OLD_HARDWARE,
    "fp16_opt_level": _OLD_HARDWARE,
    "half_precision_backend": _OLD_HARDWARE,
    "use_ipex": _OLD_HARDWARE,
    "use_mps_device": _OLD_HARDWARE,
    "tpu_num_cores": _OLD_HARDWARE,
    "tpu_metrics_debug": _OLD_HARDWARE,
    "ray_scope": _OLD_HARDWARE,
    "_n_gpu": _OLD_HARDWARE,
    "use_liger_loss": _OWN_LOSS,
    # Quantised loading; asking for it is refused below.
    "bnb_4bit_quant_type": "no model is loaded in 4 bits",
    "bnb_4bit_quant_storage": "no model is loaded in 4 bits",
    "use_bnb_nested_quant": "no model is loaded in 4 bits",
}

# What cannot be left out without training something else: the values that ask for nothing, why not, what to do.
REFUSED: dict[str, tuple[tuple[Any, ...], str, str]] = {
    "load_in_8bit": ((False, None), "models are not trained in 8 bits", "LoRA alone saves most: use_peft: true"),
    "load_in_4bit": ((False, None), "models are not trained in 4 bits", "LoRA alone saves most: use_peft: true"),
    "lora_task_type": (("CAUSAL_LM", None), "only language models are trained", "Leave it at CAUSAL_LM."),
    "lora_target_parameters": ((None, []), "LoRA is put on layers only", "Name layers: lora_target_modules."),
    "reward_model_name_or_path": ((None, ""), "rewards are functions, not models", "Name some in reward_funcs."),
    "datasets": ((None, []), "a run has one data set", "Name it: dataset_name."),
    "dataset_mixture": ((None, {}), "a run has one data set", "Name it: dataset_name."),
    "resume_from_checkpoint": (
        (None, False),
        "a recipe does not say which run goes on",
        "Use the option --resume.",
    ),
}

# Ways of sharing the work, by the names of TRL's and open-r1's accelerate configurations. The first stage of ZeRO
# shards less than the second and computes the same.
ACCELERATE: dict[str, str] = {
    "single_gpu": "ddp",
    "multi_gpu": "ddp",
    "ddp": "ddp",
    "zero1": "zero2",
    "zero2": "zero2",
    "zero3": "zero3",
    "fsdp": "fsdp",
    "fsdp1": "fsdp",
    "fsdp2": "fsdp",
}
