"""The command line as a user meets it: what is printed where, what is refused and how."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gpg_cli import __version__

LIGHT_COMMANDS = (["--help"], ["--version"], ["presets"], ["benches"], ["rewards"], ["rewards", "cosine"])


@pytest.mark.parametrize("arguments", LIGHT_COMMANDS, ids=" ".join)
def test_finding_ones_way_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from gpg_cli.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'trl', 'vllm', 'datasets', 'sympy', 'math_verify'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_and_lists_start_within_three_times_the_import_of_typer_and_rich() -> None:
    """The least of many, alternating, of processor time: other work on the machine adds to it, and to ours more."""
    baseline = [sys.executable, "-c", "import typer, rich"]
    ours = [[sys.executable, "-m", "gpg_cli", *arguments] for arguments in LIGHT_COMMANDS]
    least = [float("inf")] * len(ours)
    least_of_baseline = float("inf")
    for times in range(1, 31):
        least_of_baseline = min(least_of_baseline, processor_seconds(baseline))
        least = [min(before, processor_seconds(command)) for before, command in zip(least, ours, strict=True)]
        if times >= 6 and max(least) <= 3 * least_of_baseline:
            return
    raise AssertionError(f"{least} against {least_of_baseline}")


def processor_seconds(command: list[str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_help_names_the_commands(gpg) -> None:
    outcome = gpg("--help")
    assert outcome.code == 0
    for command in ("train", "eval", "export", "report", "data", "presets", "benches", "rewards", "env"):
        assert command in outcome.out


def test_the_version_says_where_gnupg_is(gpg) -> None:
    first, second = gpg("--version").out.splitlines()
    assert first == f"gpg-cli {__version__}"
    assert second.startswith("GnuPG: ")


def test_the_module_and_both_scripts_are_the_same_program() -> None:
    scripts = Path(sys.executable).parent
    ways = ([scripts / "gpg"], [scripts / "gpg-cli"], [sys.executable, "-m", "gpg_cli"])
    outputs = {subprocess.run([*way, "presets"], capture_output=True, text=True, check=True).stdout for way in ways}
    assert len(outputs) == 1


def test_presets_are_listed_and_one_is_printed_with_its_comments(gpg) -> None:
    listing = gpg("presets").out
    assert "open-rs1" in listing
    assert "quickstart" in listing
    assert "GPG-RS1 of the paper" in gpg("presets", "open-rs1").out


def test_benches_are_listed_and_one_is_printed(gpg) -> None:
    listing = gpg("benches").out
    for bench in ("aime24", "math500", "amc23", "minerva", "olympiadbench", "gsm8k", "quickstart"):
        assert bench in listing
    assert "problem:" in gpg("benches", "math500").out


def test_rewards_are_listed_with_their_parameters_and_one_is_described(gpg) -> None:
    lines = gpg("rewards").out.splitlines()
    rewards = {line.split("\t")[0]: line.split("\t")[1:] for line in lines}
    assert all(len(columns) == 2 for columns in rewards.values())
    assert rewards["accuracy"] == ["1 for a correct answer, 0 for a wrong one.", ""]
    assert rewards["format_openrs"] == ["Another name of format_v2.", ""]
    assert rewards["repetition_penalty"][1] == "repetition_n_grams=3, repetition_max_penalty=-1.0"
    assert lines[-1].startswith("python:FILE.py:FUNCTION\t")

    described = gpg("rewards", "cosine").out
    assert "its period is twice cosine_max_len" in described
    settings = described.partition("defaults:\n")[2]
    assert yaml.safe_load(settings)["cosine_max_len"] == 1000  # ready to be pasted into a recipe
    assert "# half a period of the cosine" in settings


def test_a_dry_run_prints_a_recipe_that_can_be_used_again(gpg, tmp_path: Path) -> None:
    outcome = gpg("train", "--preset", "quickstart", "--set", "learning_rate=1e-5", "--dry-run")
    assert outcome.code == 0
    (tmp_path / "again.yaml").write_text(outcome.out)
    again = gpg("train", "--config", "again.yaml", "--dry-run", "--json")
    assert again.json["settings"]["learning_rate"] == 1e-5
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_of_open_rs1_takes_a_local_model_and_data_set(gpg, tiny_model: Path, json_lines) -> None:
    data = json_lines(*({"problem": f"{n}+1=", "answer": str(n + 1)} for n in range(8)))
    call = ("train", "--preset", "open-rs1", "--model", tiny_model, "--dataset", data, "--dry-run", "--json")
    # What the training would fail for, the dry run says.
    assert "has no chat template" in gpg(*call).err
    outcome = gpg(*call, "--set", "use_chat_template=false", "--set", "max_prompt_length=2000")
    assert outcome.code == 0, outcome.err
    assert outcome.json["rows"] == 8
    assert "No flash_attention_2 here" in outcome.err


def config_free_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "no_model"
    folder.mkdir()
    return folder


QUICK = ("train", "--preset", "quickstart")
EVAL = ("eval", "--model", "{model}", "--bench")


@pytest.mark.parametrize(
    ("arguments", "complaint", "help_text"),
    [
        (("train",), "nothing to train", "gpg train --preset quickstart"),
        (("train", "--preset", "open-rs"), "unknown preset 'open-rs'", "open-rs1"),
        ((*QUICK, "--set", "lr=1"), "--set lr: unknown setting 'lr'", ""),
        ((*QUICK, "--set", "max_step=1"), "unknown setting 'max_step'", "Did you mean max_steps"),
        ((*QUICK, "--max-steps", "-3"), "Invalid value for '--max-steps'", "gpg COMMAND --help"),
        ((*QUICK, "--max-steps", "many"), "Invalid value for '--max-steps'", "gpg COMMAND --help"),
        ((*QUICK, "--set", "reward_funcs=[acuracy]"), "unknown reward 'acuracy'", "Did you mean accuracy or"),
        ((*QUICK, "--set", "reward_funcs=[code]"), "'code' is for programs", "python:FILE.py:FUNCTION"),
        ((*QUICK, "--set", "reward_funcs=['python:mine.py:f']"), "there is no file mine.py", "python:FILE.py:FUNCTION"),
        ((*QUICK, "--set", "repetition_max_penalty=1"), "should be less than or equal to 0", "another value"),
        (("rewards", "cosin"), "unknown reward 'cosin'", "Did you mean cosine?"),
        ((*QUICK, "--set", "reward_weights=[1,2]"), "reward_weights has 2 values for 1", "one weight for each"),
        ((*QUICK, "--config", "broken.yaml"), "broken.yaml:2 is not valid YAML", "Mend that line."),
        ((*QUICK, "--config", "unknown.yaml"), "unknown.yaml:2: unknown setting 'max_stepz'", "Did you mean max_steps"),
        ((*QUICK, "--config", "twice.yaml"), "twice.yaml:2 sets 'seed' a second time", "Keep one"),
        ((*QUICK, "--config", "missing.yaml"), "cannot read missing.yaml", "Check the path."),
        ((*QUICK, "--dataset", "missing.jsonl"), "there is no data file missing.jsonl", "Check the path."),
        ((*QUICK, "--dataset", "empty.jsonl"), "empty.jsonl holds no rows", "one JSON object a line"),
        ((*QUICK, "--dataset", "broken.jsonl"), "broken.jsonl:2 is not JSON", "one JSON object a line"),
        ((*QUICK, "--dataset", "columns.jsonl"), "has no column problem, question or prompt", "It has: text."),
        ((*QUICK, "--dataset", "few.jsonl"), "has 1 usable rows; one step takes 32 prompts", "Give more rows"),
        ((*QUICK, "--model", "no_model"), "no_model holds no model: it has no config.json", "Name a run folder"),
        ((*QUICK, "--model", "./nowhere"), "there is no folder ./nowhere", "Hub id"),
        ((*QUICK, "--output-dir", "full"), "the output folder full exists and is not empty", "--overwrite"),
        ((*QUICK, "--output-dir", "full", "--overwrite"), "was not written by this command", "empty this one yourself"),
        ((*QUICK, "--resume"), "--resume needs to know which run", "gpg train --resume RUN"),
        ((*QUICK, "--resume", "--output-dir", "full"), "full is no run folder", "without --resume"),
        ((*QUICK, "--algorithm", "ppo"), "--algorithm: algorithm = 'ppo' is refused", "Give algorithm another value"),
        ((*QUICK, "--vllm", "yes"), "--vllm 'yes' is not known", "colocate, server or off"),
        ((*QUICK, "--set", "min_inverse_alpha=1.5"), "min_inverse_alpha must lie between 0 and 1", "--set"),
        ((*QUICK, "--set", "num_generations=7"), "must be divisible by num_generations (7)", "--set"),
        ((*QUICK, "--num-machines", "2"), "2 machines need to know where machine 0 is", "--main-process-ip"),
        (("train", "--preset", "open-rs1"), "the Hugging Face Hub cannot be reached", "--model DIR"),
        ((*EVAL, "math50"), "unknown benchmark 'math50'", "Did you mean math500"),
        ((*EVAL, "quickstart", "--engine", "vlm"), "unknown engine 'vlm'", "vllm"),
        ((*EVAL, "quickstart", "--limit", "-1"), "Invalid value for '--limit'", "gpg COMMAND --help"),
        ((*EVAL, "quickstart", "--max-tokens", "0"), "Invalid value for '--max-tokens'", "gpg COMMAND --help"),
        ((*EVAL, "quickstart", "--temperature", "-1"), "Invalid value for '--temperature'", "gpg COMMAND --help"),
        ((*EVAL, "quickstart", "--temperature", "hot"), "Invalid value for '--temperature'", "gpg COMMAND --help"),
        ((*EVAL, "math500"), "the Hugging Face Hub cannot be reached", "--data math500=FILE"),
        ((*EVAL, "math500", "--data", "math500=missing.jsonl"), "there is no data file missing.jsonl", "path"),
        ((*EVAL, "math500", "--data", "math500=columns.jsonl"), "no column 'problem'", "It has: text"),
        ((*EVAL, "math500", "--data", "math500"), "not of the form BENCH=FILE", "For example"),
        ((*EVAL, "quickstart", "--output-dir", "full"), "full exists and is not empty", "--overwrite"),
        (("eval", "--model", "no_model", "--bench", "quickstart"), "it has no config.json", "Name a run folder"),
        (("eval", "--model", "org/model", "--bench", "quickstart"), "Hub cannot be reached", "local folder"),
        (("eval", "--bench", "quickstart"), "--model is missing", "gpg eval --model runs/my-run"),
        (("export", "{model}"), "", "--to"),
        (("export", "no_model", "--to", "out"), "it has no config.json", "Name a run folder"),
        (("export", "{model}", "--to", "full"), "full exists and is not empty", "--overwrite"),
        (("trian",), "No such command 'trian'", "gpg --help"),
    ],
)
def test_a_mistake_gets_two_lines_and_exit_code_2_and_leaves_nothing(
    gpg, tmp_path: Path, tiny_model: Path, json_lines, arguments: tuple[str, ...], complaint: str, help_text: str
) -> None:
    json_lines({"text": "a"}, name="columns.jsonl")
    json_lines({"problem": "a", "answer": "1"}, name="few.jsonl")
    Path("empty.jsonl").write_text("\n")
    Path("broken.jsonl").write_text('{"problem": "a", "answer": "1"}\n{"problem": \n')
    Path("broken.yaml").write_text("max_steps: 3\nseed: [1\n")
    Path("unknown.yaml").write_text("max_steps: 3\nmax_stepz: 4\n")
    Path("twice.yaml").write_text("seed: 3\nseed: 4\n")
    config_free_folder(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))

    outcome = gpg(*(argument.format(model=tiny_model) for argument in arguments))

    assert outcome.code == 2, outcome.err
    assert outcome.out == ""
    wrong, remedy = outcome.error_lines
    assert wrong.startswith("Error: ")
    assert complaint in wrong
    assert help_text in remedy
    assert sorted(tmp_path.rglob("*")) == before


def test_debug_shows_the_traceback(gpg) -> None:
    outcome = gpg("train", "--preset", "nothing", "--debug")
    assert outcome.code == 2
    assert "Traceback" in outcome.err
    assert outcome.error_lines[-2].startswith("Error: unknown preset 'nothing'")


def test_json_is_the_only_thing_on_stdout(gpg, tiny_model: Path) -> None:
    outcome = gpg("eval", "--model", tiny_model, "--bench", "quickstart", "--limit", "4", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["benches"]["quickstart"]["problems"] == 4


def test_control_c_is_told(gpg, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gpg_cli.environment.facts.look_around", pressed)
    done = gpg("env")
    assert (done.code, done.out) == (130, "")
    assert done.error_lines[0] == "Error: interrupted"


def test_a_list_whose_reader_has_seen_enough_ends_without_a_word() -> None:
    line = f"PYTHONUNBUFFERED=1 {sys.executable} -m gpg_cli presets | head -n 1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
