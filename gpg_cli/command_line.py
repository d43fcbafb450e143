"""Texts of the command line as what the commands take; cli.py has the options themselves."""

import sys
from pathlib import Path

from gpg_cli.errors import GpgError


def with_dashes(arguments: list[str] | None) -> list[str]:
    """Options of a copied `accelerate launch`, or of TRL, which are ours too, as ours are written."""
    names = {f"--{name}" for name in ("num_processes", "num_machines", "machine_rank")}
    names |= {"--main_process_ip", "--main_process_port", "--trust_remote_code"}
    given = []
    for argument in sys.argv[1:] if arguments is None else arguments:
        option, equals, value = argument.partition("=")
        given.append(option.replace("_", "-") + equals + value if option in names else argument)
    return given


def with_resume_value(arguments: list[str]) -> list[str]:
    """Let --resume stand alone: Typer has no options whose value may be left out."""
    given = list(arguments)
    if "--resume" in given:
        position = given.index("--resume") + 1
        if position == len(given) or given[position].startswith("-"):
            given.insert(position, "")
    return given


def vllm_settings(vllm: str | None) -> list[str]:
    """The settings that `--vllm` stands for, as assignments.

    Raises:
        GpgError: it is not colocate, server or off.
    """
    if vllm is None:
        return []
    if vllm not in ("colocate", "server", "off"):
        raise GpgError(f"--vllm {vllm!r} is not known", "Choose colocate, server or off.")
    if vllm == "off":
        return ["use_vllm=false"]
    # An engine on the training GPU gives its memory back while the model trains.
    sleep = ["vllm_enable_sleep_mode=true"] if vllm == "colocate" else []
    return ["use_vllm=true", f"vllm_mode={vllm}", *sleep]


def read_bench_data(texts: list[str] | None) -> dict[str, str] | None:
    """`--bench-data` as the setting of that name; None where it is not given. See `read_data_files`."""
    return {name: str(path) for name, path in read_data_files("--bench-data", texts).items()} if texts else None


def read_data_files(option: str, texts: list[str]) -> dict[str, Path]:
    """`BENCH=FILE` texts, name to file.

    Raises:
        GpgError: a text of another form.
    """
    files: dict[str, Path] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or not name or not path:
            raise GpgError(
                f"{option} {text!r} is not of the form BENCH=FILE", f"For example: {option} math500=rows.jsonl"
            )
        files[name] = Path(path)
    return files
