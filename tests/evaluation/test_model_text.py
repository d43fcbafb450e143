import json
import shutil
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.evaluation.benches import load_bench
from gpg_cli.evaluation.engine import Completion
from gpg_cli.evaluation.model_text import load_model_text
from gpg_cli.evaluation.profiles import Style

BEGIN, END, STOP = 0, 1, 2


def test_a_chat_prompt_is_one_message_and_has_one_beginning(chat_model: Path) -> None:
    text = load_model_text(str(chat_model))
    prompt = text.prompt(load_bench("math500").query("1+1?"), Style(chat=True))
    assert prompt.text.startswith("<begin><|user|>Solve the following")
    assert prompt.text.endswith("\n\n1+1?<|assistant|>")
    assert prompt.token_ids.count(BEGIN) == 1
    assert text.tokenizer.decode(prompt.token_ids) == prompt.text


def test_a_raw_prompt_gets_the_special_tokens_of_the_tokenizer(chat_model: Path) -> None:
    prompt = load_model_text(str(chat_model)).prompt("1+1=", Style(chat=False))
    assert prompt.text == "1+1="
    assert prompt.token_ids[0] == BEGIN
    assert len(prompt.token_ids) == 5


def test_without_a_chat_template_the_query_is_the_prompt(tiny_model: Path) -> None:
    text = load_model_text(str(tiny_model))
    assert not text.has_chat_template
    assert text.prompt("1+1=", Style(chat=True)).text == "1+1="


def test_a_system_message_and_a_template_of_ones_own(chat_model: Path) -> None:
    text = load_model_text(str(chat_model))
    system = text.prompt("1+1=", Style(chat=True, system_prompt="Be brief."))
    assert system.text == "<begin><|system|>Be brief.<|user|>1+1=<|assistant|>"
    own = text.prompt("1+1=", Style(chat=True, template="Q: {{ messages[-1].content }} A:"))
    assert own.text == "Q: 1+1= A:"


def test_a_template_that_fails_is_said_to(chat_model: Path) -> None:
    refusing = "{{ raise_exception('no system messages') }}"
    with pytest.raises(GpgError, match="the chat template fails: no system messages"):
        load_model_text(str(chat_model)).prompt("1+1=", Style(chat=True, template=refusing))


def test_end_tokens_are_those_of_generation_config_config_and_tokenizer(chat_model: Path) -> None:
    text = load_model_text(str(chat_model))
    assert text.stop_ids == (END, STOP)
    assert text.context_length == 512


def test_a_completion_says_how_it_ended(chat_model: Path) -> None:
    text = load_model_text(str(chat_model))
    two = text.tokenizer("2", add_special_tokens=False)["input_ids"]
    assert text.completion([*two, STOP]) == Completion("2", 2, "stop")
    assert text.completion([*two, *two]) == Completion("22", 2, "length")
    assert text.completion([]) == Completion("", 0, "length")


def test_a_folder_without_a_generation_config_will_do(chat_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(chat_model, tmp_path / "model"))
    (folder / "generation_config.json").unlink()
    assert load_model_text(str(folder)).stop_ids == (END,)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    with pytest.raises(GpgError, match="has no tokenizer"):
        load_model_text(str(tmp_path))


def test_a_broken_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(GpgError, match="cannot read the configuration and tokenizer"):
        load_model_text(str(tmp_path))
