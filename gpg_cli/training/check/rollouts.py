"""What the model makes of some prompts: one real step of training on them, of which nothing is kept."""

import dataclasses
import tempfile
from pathlib import Path
from statistics import fmean

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.training.build import build_trainer, model_location
from gpg_cli.training.check.findings import Finding, Level, Section
from gpg_cli.training.check.forecast import Forecast, forecast
from gpg_cli.training.library_output import library_output_on_stderr
from gpg_cli.training.plan import Plan, TrainRequest, make_plan
from gpg_cli.training.rollout import Group
from gpg_cli.training.rollout_trainer import RolloutTrainer

_SHOWN_CHARACTERS = 400
_ALMOST_ALL = 0.95
_MUCH_TRUNCATED = 0.3


def check_rollouts(request: TrainRequest, plan: Plan, prompts: int) -> Section:
    """Sample groups for `prompts` prompts with the run's settings, train one step on them, and say what to expect.

    Args:
        request: what the user asked for.
        plan: of the run itself.
        prompts: how many; more of them give a narrower forecast.

    Raises:
        GpgError: there are fewer prompts; or whatever keeps the run from starting.
    """
    if prompts > len(plan.data.rows):
        raise GpgError(f"--rollouts {prompts}: there are {len(plan.data.rows)} prompts", "Give a smaller number.")
    with tempfile.TemporaryDirectory(prefix="gpg-check-") as folder:
        say(f"Sampling {prompts * plan.config.num_generations} completions, and training one step on them ...")
        one_step = make_plan(_one_step(request, plan, prompts, Path(folder) / "run"), quiet=True)
        with library_output_on_stderr():
            trainer = build_trainer(one_step, model_location(one_step), [])
            assert isinstance(trainer, RolloutTrainer)
            trainer.train()
        step, batch = trainer.state.log_history[0], trainer.last_batch
        assert batch is not None
        groups = batch.generated
    expected = forecast(
        [group.valid for group in groups],
        size=plan.prompts_per_step,
        threshold=plan.config.min_inverse_alpha,
        max_rounds=plan.config.max_resample_rounds,
    )
    return Section(
        f"Rollouts: {prompts} prompts x {plan.config.num_generations}",
        _judge(groups, expected, step, plan),
        [*_describe(groups, expected, step, plan), *_example(groups, plan)],
    )


def _one_step(request: TrainRequest, plan: Plan, prompts: int, folder: Path) -> TrainRequest:
    completions = prompts * plan.config.num_generations
    most = plan.config.per_device_train_batch_size
    rows = max(rows for rows in range(1, min(most, completions) + 1) if completions % rows == 0)
    changes = {
        "algorithm": "gpg",
        "per_device_train_batch_size": rows,
        "gradient_accumulation_steps": completions // rows,
        "min_inverse_alpha": 0,
        "max_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "log_completions": "false",
    }
    options = {key: value for key, value in request.options.items() if key not in changes}
    return dataclasses.replace(
        request,
        assignments=[*request.assignments, *(f"{key}={value}" for key, value in changes.items())],
        options=options,
        output_dir=folder,
        num_processes=1,
    )


def _describe(groups: list[Group], expected: Forecast, step: dict[str, float], plan: Plan) -> list[str]:
    sampled = len(groups)
    trained = max(1, sum(group.valid for group in groups))
    live = min(plan.prompts_per_step, expected.prompts * expected.valid)
    generate = (step["time/generate"] + step["time/reward"]) / sampled * expected.prompts
    train = step["time/train"] / trained * live
    right = "not graded" if step.get("accuracy") is None else f"{step['accuracy']:.1%}"
    return [
        f"right: {right}; reward {step['reward']:.3f}; longest {step['completions/max_length']:.0f} tokens, mean "
        f"{step['completions/mean_length']:.0f}, truncated {step['completions/clipped_ratio']:.0%}",
        f"groups with signal: {expected.valid:.0%} ± {expected.error:.0%}{_without_signal(step, sampled)}",
        f"a step of {plan.prompts_per_step} groups with min_inverse_alpha = {plan.config.min_inverse_alpha}: "
        f"{expected.prompts:.0f} prompts in {expected.rounds:.1f} further rounds; short of it {expected.short:.0%}",
        f"on this machine, one process: {generate:.1f} s of sampling and {train:.1f} s of training a step "
        f"({step['speed/generate_tokens_per_s']:.0f} tokens a second sampled)",
    ]


def _without_signal(step: dict[str, float], sampled: int) -> str:
    """How many groups were all right and all wrong; nothing where no reward says what is right."""
    if step.get("groups/easy") is None:
        return ""
    return f" (all right {step['groups/easy'] / sampled:.0%}, all wrong {step['groups/hard'] / sampled:.0%})"


def _judge(groups: list[Group], expected: Forecast, step: dict[str, float], plan: Plan) -> list[Finding]:
    findings = []
    if not any(group.valid for group in groups):
        text = "no group carries signal: there is nothing to learn from"
        right = fmean([rollout.accuracy or 0.0 for group in groups for rollout in group.rollouts])
        easier = "harder problems" if right > 0.5 else "easier problems, or a stronger model"
        findings.append(Finding(Level.PROBLEM, text, f"the data ({easier}), temperature, num_generations"))
    elif expected.short > _ALMOST_ALL:
        text = f"nearly every step will end short of min_inverse_alpha = {plan.config.min_inverse_alpha}"
        findings.append(Finding(Level.WARNING, text, "min_inverse_alpha, max_resample_rounds or the data"))
    truncated = step["completions/clipped_ratio"]
    if truncated > _MUCH_TRUNCATED:
        text = f"{truncated:.0%} of the completions were cut at {plan.config.max_completion_length} tokens"
        findings.append(Finding(Level.WARNING, text, "max_completion_length"))
    return findings or [Finding(Level.OK, f"{expected.valid:.0%} of the groups carry signal")]


def _example(groups: list[Group], plan: Plan) -> list[str]:
    """One completion as the rewards saw it: of a group with signal if there is one."""
    group = next((group for group in groups if group.valid), groups[0])
    rollout = max(group.rollouts, key=lambda each: sum(value for value in each.rewards if value == value))
    text = rollout.completion if isinstance(rollout.completion, str) else rollout.completion[-1]["content"]
    shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]} ..."
    names = [function.__name__ for function in plan.rewards]
    paid = ", ".join(f"{name} {value:.3g}" for name, value in zip(names, rollout.rewards, strict=True))
    return ["", f"one completion ({paid}):", shown]
