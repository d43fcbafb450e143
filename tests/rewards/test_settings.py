"""The parameters of rewards as settings of a recipe."""

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.training.settings import Settings, resolve_settings


def resolved(*assignments: str) -> Settings:
    return resolve_settings(preset="quickstart", assignments=list(assignments))


@pytest.mark.parametrize(
    ("assignment", "key", "value"),
    [
        ("cosine_min_value_wrong=-1", "cosine_min_value_wrong", -1.0),
        ("cosine_max_value_wrong=-0.1", "cosine_max_value_wrong", -0.1),
        ("cosine_min_value_correct=0.1", "cosine_min_value_correct", 0.1),
        ("cosine_max_value_correct=2", "cosine_max_value_correct", 2.0),
        ("cosine_max_len=3584", "cosine_max_len", 3584),
        ("cosine_in_tokens=true", "cosine_in_tokens", True),
        ("cosine_clamp=true", "cosine_clamp", True),
        ("repetition_n_grams=4", "repetition_n_grams", 4),
        ("repetition_max_penalty=-0.5", "repetition_max_penalty", -0.5),
        ("repetition_max_penalty=0", "repetition_max_penalty", 0.0),
    ],
)
def test_a_recipe_sets_every_parameter_whether_or_not_a_reward_uses_it(
    assignment: str, key: str, value: object
) -> None:
    settings = resolved(assignment)
    assert getattr(settings.run, key) == value
    assert settings.to_dict()[key] == value


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("cosine_max_len=0", "cosine_max_len = 0 is refused: input should be greater than or equal to 1"),
        ("cosine_max_len=2.5", "cosine_max_len = 2.5 is refused: input should be a valid integer"),
        ("cosine_max_value_wrong=.nan", "cosine_max_value_wrong = nan is refused: input should be a finite number"),
        ("cosine_clamp=maybe", "cosine_clamp = 'maybe' is refused: input should be a valid boolean"),
        ("repetition_n_grams=0", "repetition_n_grams = 0 is refused: input should be greater than or equal to 1"),
        ("repetition_max_penalty=1", "repetition_max_penalty = 1 is refused: input should be less than or equal to 0"),
        ("repetition_max_penalty=-.inf", "repetition_max_penalty = -inf is refused: input should be a finite number"),
        ("cosine_maxlen=5", "unknown setting 'cosine_maxlen'"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(assignment: str, complaint: str) -> None:
    with pytest.raises(GpgError) as raised:
        resolved(assignment)
    assert complaint in raised.value.message


def test_what_is_written_down_are_the_parameters_of_the_rewards_in_use() -> None:
    assert not [key for key in resolved().to_dict() if key.startswith(("cosine", "repetition"))]
    written = resolved("reward_funcs=[accuracy, repetition_penalty]").to_dict()
    assert {key: written[key] for key in written if key.startswith(("cosine", "repetition"))} == {
        "repetition_n_grams": 3,
        "repetition_max_penalty": -1.0,
    }


def test_a_recipe_reaches_the_reward_through_the_plan(gpg) -> None:
    outcome = gpg(
        *("train", "--preset", "quickstart", "--dry-run", "--json"),
        *("--set", "reward_funcs=[cosine]", "--set", "cosine_in_tokens=true"),
    )
    assert outcome.code == 0, outcome.err
    assert outcome.json["settings"]["cosine_in_tokens"] is True
