"""The prompt path, up to the byte: published logs hold hashes of every prompt that was put before a model."""

from dataclasses import replace
from pathlib import Path

import pytest

from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from gpg_cli.evaluation.plan import PlannedBench
from gpg_cli.evaluation.problems import Problem, ProblemSet, load_problems
from gpg_cli.evaluation.profiles import Style, choose_style, load_profile
from gpg_cli.evaluation.prompting import Prepared, prepare, prompt_hash, sample_seed
from gpg_cli.evaluation.sampling import still_wanted
from tests.conftest import shared_data
from tests.evaluation.samples import changed

# The chat template of DeepSeek-R1-Distill-Qwen-1.5B, as far as one message of a user goes.
R1_DISTILL = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '<｜User｜>' + message['content'] }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\\n' }}{% endif %}"
)

# From the results files of knoveleng/open-rs (logs/): hash_examples and hash_full_prompts of each task.
PUBLISHED = {
    "aime24": ("ddec8fc79d0a014b", "253167becf0dfed7"),
    "math500": ("adf0cc8311011db2", "63c902dbdbaf1552"),
    "amc23": ("57f3ead69f601b6a", "64c05856286ef8dc"),
    "minerva": ("2380609739db80f4", "089f3da5adc0ea02"),
    "olympiadbench": ("96eebb759f237c57", "4dfd5051c1e312af"),
}


@pytest.fixture
def r1_distill(chat_model: Path) -> ModelText:
    text = load_model_text(str(chat_model))
    text.tokenizer.bos_token = "<｜begin▁of▁sentence｜>"
    text.tokenizer.chat_template = R1_DISTILL
    return text


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_prompts_are_those_of_the_published_logs(r1_distill: ModelText, name: str) -> None:
    bench = load_bench(name)
    problems = load_problems(bench, shared_data(f"{name}.jsonl"), None).problems
    queries = prompt_hash(bench.query(problem.text) for problem in problems)
    style = choose_style(bench, profile=load_profile("deepseek-distill"), chat_template=None, system_prompt=None)
    prompts = prompt_hash(r1_distill.prompt(bench.query(problem.text), style).text for problem in problems)
    assert (queries, prompts) == PUBLISHED[name]


def prepared(text: ModelText, *problems: str, **sampling: float) -> Prepared:
    bench = load_bench("quickstart")
    rows = [Problem(index, problem, "0") for index, problem in enumerate(problems)]
    changed = bench.sampling.model_copy(update=sampling)
    return prepare(PlannedBench(bench, ProblemSet(rows, len(rows), "here", None), changed, Style(chat=False)), text)


def test_the_token_budget_is_cut_to_the_context(chat_model: Path) -> None:
    text = load_model_text(str(chat_model))  # context 512; one token a byte, one at the beginning
    done = prepared(text, "x" * 9, "x" * 501, "x" * 510, "x" * 511, "x" * 9999, max_tokens=32)
    assert done.rooms == [32, 10, 1, 0, 0]
    assert done.too_long == 2
    assert done.max_model_length == 512


def test_the_benchmark_may_bound_the_length_further(chat_model: Path) -> None:
    done = prepared(load_model_text(str(chat_model)), "x" * 9, "x" * 99, max_tokens=400, max_model_length=50)
    assert done.rooms == [40, 0]


def test_a_sample_has_its_own_seed_whatever_is_evaluated_beside_it(chat_model: Path) -> None:
    text = load_model_text(str(chat_model))
    alone, beside = prepared(text, "a"), prepared(text, "a", "b")
    assert alone.sampling(0, 3, seed=1) == beside.sampling(0, 3, seed=1)
    seeds = {
        sample_seed(seed, bench, index, number)
        for seed in (0, 1)
        for bench in ("a", "b")
        for index in range(50)
        for number in range(4)
    }
    assert len(seeds) == 800
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_the_longest_expected_go_first_and_samples_of_a_problem_together(chat_model: Path) -> None:
    text = load_model_text(str(chat_model))
    quick = prepared(text, "a", "b")
    slow = replace(quick, planned=replace(quick.planned, bench=load_bench("aime24")))
    wanted = still_wanted([quick, slow], 2, seed=0, finished=[])
    assert [one.key for one in wanted] == [
        (bench, index, number) for bench in ("aime24", "quickstart") for index in (0, 1) for number in (0, 1)
    ]
    assert len({one.request.index for one in wanted if one.request}) == 8


def test_what_is_there_is_not_wanted_again(chat_model: Path) -> None:
    done = prepared(load_model_text(str(chat_model)), "a", "b")
    wanted = still_wanted([done], 2, seed=0, finished=[changed(bench="quickstart", index=0, number=1)])
    assert [one.key[1:] for one in wanted] == [(0, 0), (1, 0), (1, 1)]
    everything = still_wanted([done], 2, seed=0, finished=[])
    assert {one.key: one.seed for one in wanted}.items() <= {one.key: one.seed for one in everything}.items()
