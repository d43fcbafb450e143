"""GPGConfig: TRL's settings without what GPG has not."""

import pytest

from gpg_cli.training.config import GPGConfig


def test_the_defaults_are_the_papers_method(tmp_path) -> None:
    config = GPGConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False)
    assert (config.beta, config.scale_rewards, config.adjust_gd, config.loss_reduction) == (0.0, "none", True, "token")


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("beta", 0.04, "beta belongs to GRPO"),
        ("num_iterations", 2, "num_iterations belongs to GRPO"),
        ("entropy_coef", 0.1, "entropy_coef belongs to GRPO"),
        ("scale_rewards", "sometimes", "scale_rewards must be none, group, batch"),
        ("loss_reduction", "mean", "loss_reduction must be token, sequence, microbatch"),
        ("min_inverse_alpha", 1.5, "min_inverse_alpha must lie between 0 and 1"),
        ("inverse_alpha_floor", -0.1, "inverse_alpha_floor must lie between 0 and 1"),
        ("alpha_by", "rows", "alpha_by must be groups, tokens"),
        ("max_failed_rewards", 1.5, "max_failed_rewards must lie between 0 and 1"),
        ("steps_per_generation", 2, "steps_per_generation must divide gradient_accumulation_steps"),
    ],
)
def test_what_gpg_has_not_is_refused_not_ignored(tmp_path, setting: str, value: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        GPGConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, **{setting: value})


@pytest.mark.parametrize(("given", "meant"), [(True, "group"), (False, "none")])
def test_the_older_boolean_scale_rewards_is_understood(tmp_path, given: bool, meant: str) -> None:
    assert GPGConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, scale_rewards=given).scale_rewards == meant
