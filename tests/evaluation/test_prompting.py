"""The prompt path, up to the byte: published logs hold hashes of every prompt that was put before a model."""

from pathlib import Path

import pytest

from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.model_text import ModelText, load_model_text
from gpg_cli.evaluation.plan import PlannedBench
from gpg_cli.evaluation.problems import Problem, ProblemSet, load_problems
from gpg_cli.evaluation.prompting import Prepared, prepare, prompt_hash, sample_seed
from tests.conftest import shared_data

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
    prompts = prompt_hash(r1_distill.prompt(bench, problem.text).text for problem in problems)
    assert (queries, prompts) == PUBLISHED[name]


def prepared(text: ModelText, *problems: str, seed: int = 0, **sampling: float) -> Prepared:
    bench = load_bench("quickstart")
    rows = [Problem(index, problem, "0") for index, problem in enumerate(problems)]
    changed = bench.sampling.model_copy(update=sampling)
    return prepare(PlannedBench(bench, ProblemSet(rows, len(rows), "here", None), changed), text, seed)


def test_the_token_budget_is_cut_to_the_context(chat_model: Path) -> None:
    text = load_model_text(str(chat_model))  # context 512; one token a byte, one at the beginning
    done = prepared(text, "x" * 9, "x" * 501, "x" * 510, "x" * 511, "x" * 9999, max_tokens=32)
    assert [request.sampling.max_tokens for request in done.requests] == [32, 10, 1]
    assert done.too_long == [3, 4]
    assert done.max_model_length == 512


def test_the_benchmark_may_bound_the_length_further(chat_model: Path) -> None:
    done = prepared(load_model_text(str(chat_model)), "x" * 9, "x" * 99, max_tokens=400, max_model_length=50)
    assert [request.sampling.max_tokens for request in done.requests] == [40]
    assert done.too_long == [1]


def test_a_sample_has_its_own_seed_whatever_is_evaluated_beside_it(chat_model: Path) -> None:
    text = load_model_text(str(chat_model))
    alone, beside = prepared(text, "a"), prepared(text, "a", "b")
    assert alone.requests[0].sampling.seed == beside.requests[0].sampling.seed
    seeds = {sample_seed(seed, bench, index) for seed in (0, 1) for bench in ("a", "b") for index in range(100)}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**31 for seed in seeds)
