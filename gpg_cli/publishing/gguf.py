"""A model as one GGUF file, for llama.cpp, by llama.cpp's own converter.

The converter is a script that comes with llama.cpp and with no package of its own, so it is looked for: in the folder
that LLAMA_CPP names (a clone), then on PATH (where Homebrew and others install it). What it writes is read back.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.errors import GpgError
from gpg_cli.run_folder import read_json
from gpg_cli.yaml_file import did_you_mean

# What --outtype of convert_hf_to_gguf.py takes (llama.cpp of August 2026).
CONVERTED = ("f32", "f16", "bf16", "q8_0", "tq1_0", "tq2_0", "auto")
# What llama-quantize makes of a converted model without an importance matrix (the same llama.cpp).
QUANTIZED = (
    *("q4_0", "q4_1", "q5_0", "q5_1", "iq4_nl", "iq4_xs", "q2_k", "q3_k_s", "q3_k_m", "q3_k_l"),
    *("q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m", "q6_k"),
)
_SCRIPT = "convert_hf_to_gguf.py"
_QUANTIZER = "llama-quantize"
_SAID_LINES = 3


@dataclass(frozen=True)
class Converter:
    """The programs of llama.cpp.

    Attributes:
        convert: how convert_hf_to_gguf.py is started.
        quantize: how llama-quantize is; None where it is not here, or not needed.
    """

    convert: Sequence[str]
    quantize: Sequence[str] | None = None


def check_converter(kind: str) -> Converter:
    """Find what makes a GGUF file of a kind, and see that it starts, which takes some seconds.

    Args:
        kind: one of `CONVERTED` and `QUANTIZED`, in either case.

    Raises:
        GpgError: the kind is unknown, a program is missing, or it does not start.
    """
    kind = kind.lower()
    if kind not in CONVERTED + QUANTIZED:
        near = did_you_mean(kind, CONVERTED + QUANTIZED)
        raise GpgError(
            f"--gguf {kind!r} is not known",
            f"{near}The converter writes {', '.join(CONVERTED)}; llama-quantize makes {', '.join(QUANTIZED)} of that.",
        )
    convert = _find_script()
    quantize = None
    if kind in QUANTIZED:
        program = _find_quantizer()
        if program is None:
            raise GpgError(
                f"--gguf {kind} needs {_QUANTIZER}, which is not here: the converter alone writes no {kind}",
                f"Build llama.cpp and put {_QUANTIZER} on PATH or set LLAMA_CPP to its folder; --gguf q8_0 needs none.",
            )
        quantize = [program]
    done = subprocess.run([*convert, "--help"], capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise GpgError(
            f"{convert[-1]} does not start: {_last_words(done, 1)}",
            f"It needs what llama.cpp's requirements/requirements-convert_hf_to_gguf.txt names, for {convert[0]}: "
            "gguf, sentencepiece and protobuf among others.",
        )
    return Converter(convert, quantize)


def convert(converter: Converter, folder: Path, kind: str, name: str) -> Path:
    """Write a model folder once more as a GGUF file in it, whole or not at all.

    Of a vision-language model it holds the language model; that is said.

    Args:
        converter: found for the same kind.
        folder: a model folder with a tokenizer, whole.
        kind: as for `check_converter`.
        name: what the file's name begins with.

    Returns:
        FOLDER/NAME-q8_0.gguf; FOLDER/NAME.gguf where the kind is `auto`, which is for the converter to choose.

    Raises:
        GpgError: a program fails, or what it wrote is no such model.
    """
    kind = kind.lower()
    target = folder / (f"{name}.gguf" if kind == "auto" else f"{name}-{kind}.gguf")
    say(f"Converting to GGUF {kind}, with {escape(Path(converter.convert[-1]).name)}.")
    with tempfile.TemporaryDirectory(prefix=".gguf-", dir=folder) as beside:
        written = Path(beside) / target.name
        if kind in CONVERTED:
            _run([*converter.convert, str(folder), "--outfile", str(written), "--outtype", kind], kind)
        else:
            assert converter.quantize is not None
            # bfloat16 has float32's range, so that nothing is lost to it before the quantisation.
            whole = Path(beside) / "bf16.gguf"
            _run([*converter.convert, str(folder), "--outfile", str(whole), "--outtype", "bf16"], kind)
            _run([*converter.quantize, str(whole), str(written), kind.upper()], kind)
        _check_file(written, kind)
        os.replace(written, target)
    if "vision_config" in read_json(folder / "config.json"):
        say(
            f"[yellow]{escape(target.name)} holds the language model alone: to see, llama.cpp needs another file "
            f"beside it[/], which {_SCRIPT} --mmproj writes."
        )
    return target


def _find_script() -> list[str]:
    home = os.environ.get("LLAMA_CPP")
    if home and (Path(home) / _SCRIPT).is_file():
        return [sys.executable, str(Path(home) / _SCRIPT)]
    found = shutil.which(_SCRIPT)
    if found is not None:
        # Installed as a program, it knows the Python that has what it needs.
        return [found] if Path(found).read_bytes().startswith(b"#!") else [sys.executable, found]
    where = f"not in the folder {home} that LLAMA_CPP names, and not on PATH" if home else "not on PATH"
    raise GpgError(
        f"llama.cpp's converter, {_SCRIPT}, is {where}",
        "Get it with `git clone --depth 1 https://github.com/ggml-org/llama.cpp`, then set LLAMA_CPP to that folder.",
    )


def _find_quantizer() -> str | None:
    home = os.environ.get("LLAMA_CPP")
    places = [Path(home) / "build" / "bin", Path(home)] if home else []
    return next(filter(None, (shutil.which(_QUANTIZER, path=place) for place in places)), shutil.which(_QUANTIZER))


def _run(command: list[str], kind: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise GpgError(
            f"no GGUF file of kind {kind} could be made: {_last_words(done, _SAID_LINES)}",
            "A newer llama.cpp may know this kind of model; `gpg export` without --gguf needs none of it.",
        )


def _last_words(done: subprocess.CompletedProcess[str], lines: int) -> str:
    said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return " / ".join(said[-lines:]) or f"it ended with exit code {done.returncode}"


def _check_file(path: Path, kind: str) -> None:
    """Read the file back where the package `gguf` is installed: is it a whole model, and of this kind?

    Raises:
        GpgError: it is not.
    """
    wrong = None
    try:
        import gguf
    except ImportError:
        wrong = None if path.is_file() and path.stat().st_size else "it is empty or not there"
    else:
        try:
            reader = gguf.GGUFReader(path)
            architecture = reader.fields["general.architecture"].contents()
            file_type = gguf.LlamaFileType(reader.fields["general.file_type"].contents()).name
        # A file that was cut short has tensors outside of it, which numpy cannot reshape.
        except (OSError, KeyError, ValueError, IndexError) as error:
            wrong = f"it cannot be read back ({type(error).__name__}: {error})"
        else:
            expected = file_type if kind == "auto" else "ALL_F32" if kind == "f32" else f"MOSTLY_{kind.upper()}"
            if not architecture or not reader.tensors:
                wrong = "it holds no tensors"
            elif file_type != expected:
                wrong = f"it is {file_type}"
    if wrong is not None:
        raise GpgError(
            f"the GGUF file of kind {kind} is not as it should be: {wrong}",
            "Update llama.cpp and the package gguf, or export without --gguf.",
        )
