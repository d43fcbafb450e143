"""The story of `gpg check`: settings -> data -> tokens -> lengths -> golds -> rewards -> a step -> rollouts."""

from collections.abc import Sequence
from typing import Any

from transformers import AutoConfig, GenerationConfig, PreTrainedTokenizerBase

from gpg_cli.model_files import loading
from gpg_cli.pretrained import load
from gpg_cli.quickstart_task import BUILTIN
from gpg_cli.rewards import is_own_reward, reads_gold
from gpg_cli.training.build import load_processing, model_location
from gpg_cli.training.check.answers import sample_answers
from gpg_cli.training.check.batch import check_batch
from gpg_cli.training.check.findings import Report, Section
from gpg_cli.training.check.golds import check_golds_by_themselves
from gpg_cli.training.check.lengths import check_lengths
from gpg_cli.training.check.rewards import Case, check_cosine, check_rewards
from gpg_cli.training.check.rollouts import check_rollouts
from gpg_cli.training.check.tokens import check_format, check_tokens, think_is_open
from gpg_cli.training.data import BenchQuestions, make_prompts
from gpg_cli.training.data.rendering import prompt_lengths, tokenize_prompts
from gpg_cli.training.plan import Plan, TrainRequest, make_plan

_ROWS_PAID = 8
# The gold of a worked solution says how long an answer is; that of a short answer says nothing.
_WORKED_TOKENS = 32


def check(request: TrainRequest, rollouts: int = 0, bench_questions: BenchQuestions | None = None) -> Report:
    """Look at everything a training would meet; nothing is written.

    Args:
        request: what to train.
        rollouts: prompts to let the model answer; 0 does not load it.

    Raises:
        GpgError: the training could not even start; see `make_plan`.
    """
    plan = make_plan(request, bench_questions)
    model = model_location(plan)
    processing = load_processing(plan, model)
    tokenizer = getattr(processing, "tokenizer", processing)
    arguments, plain = plan.config.chat_template_kwargs, not plan.run.use_chat_template
    prompts = make_prompts(plan.data, plan.run.model_copy(update={"max_prompt_length": None}), processing, arguments)
    lengths = prompt_lengths(plan.data, list(prompts["prompt"]), plan.run, processing, arguments)
    first = tokenize_prompts(prompts[:1]["prompt"], processing, arguments, plain=plain)[0]
    rendered = tokenizer.decode(first, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    stop_ids, vocabulary, context = _model_facts(plan, model, tokenizer)
    sections = [
        _with(check_tokens(tokenizer, stop_ids, vocabulary, first), check_format(rendered, plan.run.reward_funcs)),
        _lengths(plan, prompts, lengths, tokenizer, context),
    ]
    if _graded(plan) and not plan.data.columns.gold_is_text:
        rule = "math-training-bare" if set(_graded(plan)) == {"accuracy_lv35"} else "math-training"
        sections.append(check_golds_by_themselves(list(prompts["solution"]), plan.data.row_numbers, rule))
    sections.append(_rewards(plan, prompts, tokenizer, rendered))
    limit = plan.run.max_prompt_length
    sections.append(
        check_batch(
            prompts=sum(limit is None or length <= limit for length in lengths),
            prompts_per_step=plan.prompts_per_step,
            generations=plan.config.num_generations,
            max_steps=plan.config.max_steps,
            epochs=plan.config.num_train_epochs,
            threshold=getattr(plan.config, "min_inverse_alpha", 0.0),
        )
    )
    if rollouts:
        sections.append(check_rollouts(request, plan, rollouts))
    return Report(plan.settings.preset or plan.run.model_name_or_path, sections)


def _graded(plan: Plan) -> list[str]:
    return [name for name in plan.run.reward_funcs if reads_gold(name) and not is_own_reward(name)]


def _with(section: Section, *more: Any) -> Section:
    return Section(section.title, [*section.findings, *more], section.lines)


def _lengths(
    plan: Plan, prompts: Any, lengths: list[int], tokenizer: PreTrainedTokenizerBase, context: int | None
) -> Section:
    golds = list(prompts["solution"]) if "solution" in prompts.column_names else []
    gold_lengths = [len(ids) for ids in tokenizer(golds, add_special_tokens=False)["input_ids"]] if golds else []
    worked = sorted(gold_lengths)[len(gold_lengths) // 2] > _WORKED_TOKENS if gold_lengths else False
    return check_lengths(
        lengths,
        gold_lengths if worked else [],
        plan.data.row_numbers,
        max_prompt_length=plan.run.max_prompt_length,
        max_completion_length=plan.config.max_completion_length,
        context=context,
    )


def _rewards(plan: Plan, prompts: Any, tokenizer: PreTrainedTokenizerBase, rendered: str) -> Section:
    cases = []
    for row in prompts.select(range(min(_ROWS_PAID, len(prompts)))):
        gold = str(row.get("solution") or row.get("answer") or "")
        is_text = plan.data.columns.gold_is_text
        answers = sample_answers(gold, think_is_open=think_is_open(rendered), gold_is_text=is_text)
        columns = {name: value for name, value in row.items() if name != "prompt"}
        cases.append(Case(row["prompt"], answers, columns))
    weights = plan.config.reward_weights or [1.0] * len(plan.rewards)
    section = check_rewards(
        cases,
        plan.rewards,
        weights,
        lambda text: tokenizer(text, add_special_tokens=False)["input_ids"],
        plan.config.reward_timeout,
    )
    return _with(section, *check_cosine(plan.run.reward_funcs, plan.config.max_completion_length, plan.run))


def _model_facts(
    plan: Plan, model: str, tokenizer: PreTrainedTokenizerBase
) -> tuple[Sequence[int], int | None, int | None]:
    """Tokens that end a completion (as TRL 1.16 collects them), rows of the embedding, longest context."""
    revision = None if plan.run.model_name_or_path.startswith(BUILTIN) else plan.run.model_revision
    with loading(f"the configuration of {model}", "Check its config.json and generation_config.json."):
        config = load(AutoConfig, model, revision=revision or "main").get_text_config()
        try:
            ends = GenerationConfig.from_pretrained(model, revision=revision or "main").eos_token_id
        except OSError:  # it has no generation_config.json
            ends = config.eos_token_id
    stop_ids = list(ends) if isinstance(ends, list) else [] if ends is None else [ends]
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in stop_ids:
        stop_ids.insert(0, tokenizer.eos_token_id)
    return stop_ids, getattr(config, "vocab_size", None), getattr(config, "max_position_embeddings", None)
