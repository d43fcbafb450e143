"""Names, parameters, and what `gpg rewards` says about them."""

from dataclasses import fields

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.rewards import (
    RewardSettings,
    get_reward,
    get_rewards,
    gold_is_text,
    parameters_of,
    reads_gold,
    reward_names,
    reward_summaries,
    reward_summary,
)
from gpg_cli.rewards.registry import reward

NAMES = {
    "accuracy",
    "accuracy_lv35",
    "box",
    "class_name",
    "cosine",
    "format",
    "format_openr1",
    "format_openrs",
    "format_v2",
    "length",
    "length_per_prompt",
    "reasoning_steps",
    "repetition_penalty",
    "tag_count",
    "tag_count_openr1",
    "tag_count_openrs",
    "vision_accuracy",
    "vision_format",
    "vision_format_base",
}
VISION = {"box", "class_name", "vision_accuracy"}


def test_a_reward_bears_the_name_it_is_asked_for_by() -> None:
    assert set(reward_names()) == NAMES
    assert [function.__name__ for function in get_rewards(reward_names(), RewardSettings())] == list(reward_names())


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_reward_takes_what_trl_passes_and_nothing_comes_of_nothing(name: str) -> None:
    function = get_reward(name, RewardSettings())
    given = {"trainer_state": None, "log_extra": None, "log_metric": None, "level": []}
    assert function(prompts=[], completions=[], completion_ids=[], solution=[], **given) == []


@pytest.mark.parametrize(
    ("name", "complaint", "remedy"),
    [
        ("acuracy", "unknown reward 'acuracy'", "Did you mean accuracy or accuracy_lv35 or vision_accuracy?"),
        ("zzz", "unknown reward 'zzz'", "There are: accuracy, accuracy_lv35, box, class_name, cosine,"),
        ("zzz", "unknown reward 'zzz'", "One of your own is python:FILE.py:FUNCTION."),
        ("code", "the reward 'code' is for programs, which have to be run in a sandbox", "python:FILE.py:FUNCTION"),
        ("binary_code", "'binary_code' is for programs", "a sandbox of yours"),
        ("code_format", "'code_format' is for programs", "a sandbox of yours"),
        ("ioi_code", "'ioi_code' is for programs", "a sandbox of yours"),
        ("cf_code", "'cf_code' is for programs", "a sandbox of yours"),
    ],
)
def test_a_reward_that_is_not_there_is_an_error_that_says_what_is(name: str, complaint: str, remedy: str) -> None:
    for look_up in (lambda: get_reward(name, RewardSettings()), lambda: reward_summary(name), lambda: reads_gold(name)):
        with pytest.raises(GpgError) as raised:
            look_up()
        assert complaint in raised.value.message
        assert remedy in raised.value.hint


def test_two_rewards_that_would_be_logged_under_one_name_are_refused() -> None:
    with pytest.raises(GpgError, match="two rewards that are logged as 'format': format and format"):
        get_rewards(["format", "cosine", "format"], RewardSettings())


def test_every_parameter_belongs_to_a_reward_and_is_explained() -> None:
    assert parameters_of(reward_names()) == {field.name for field in fields(RewardSettings)}
    assert all(parameter.description for summary in reward_summaries() for parameter in summary.parameters)
    assert parameters_of(["repetition_penalty"]) == {"repetition_n_grams", "repetition_max_penalty"}
    assert parameters_of(["accuracy", "python:rewards.py:mine", "nothing"]) == set()


def test_a_parameter_that_there_is_not_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="no settings of rewards: cosine_maximum"):
        reward("another", parameters=("cosine_maximum",))


def test_a_name_cannot_be_given_twice() -> None:
    with pytest.raises(ValueError, match="two rewards are called 'accuracy'"):
        reward("accuracy")(lambda completions, settings, **columns: [])


def test_the_rewards_that_need_a_gold_are_known() -> None:
    needing = {name for name in reward_names() if reads_gold(name)}
    assert needing == {"accuracy", "accuracy_lv35", "cosine", "length", "length_per_prompt"} | VISION


def test_the_rewards_that_want_the_gold_as_the_data_has_it_are_known() -> None:
    assert {name for name in reward_names() if gold_is_text(name)} == VISION
    assert not gold_is_text("python:rewards.py:mine")
    with pytest.raises(GpgError, match="unknown reward 'vision'"):
        gold_is_text("vision")


def test_a_reward_is_described_in_one_line_and_in_full() -> None:
    summary = reward_summary("repetition_penalty")
    assert summary.description.startswith("0 for a text that never repeats itself")
    assert "distinct / all n-grams" in summary.documentation
    assert [(item.name, item.default) for item in summary.parameters] == [
        ("repetition_n_grams", "3"),
        ("repetition_max_penalty", "-1.0"),
    ]


def test_every_line_of_the_list_says_something_of_its_own() -> None:
    descriptions = [summary.description for summary in reward_summaries()]
    assert len(set(descriptions)) == len(descriptions)
    assert all(0 < len(description) <= 110 for description in descriptions)


def test_an_alias_says_whose_other_name_it_is() -> None:
    aliases = {summary.name: summary.alias_of for summary in reward_summaries() if summary.alias_of}
    assert aliases == {"format_openr1": "format", "format_openrs": "format_v2", "tag_count_openr1": "tag_count"}
    assert reward_summary("format_openrs").description == "Another name of format_v2."
