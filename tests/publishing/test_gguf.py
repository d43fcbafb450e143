"""A GGUF file by llama.cpp's converter, for which a small script stands in that writes real GGUF files."""

import os
from pathlib import Path

import pytest

from gpg_cli.errors import GpgError
from gpg_cli.publishing.gguf import check_converter, convert

gguf = pytest.importorskip("gguf", reason="needs the package gguf, which writes and reads the files")

# As convert_hf_to_gguf.py is called; what goes wrong stands in the environment.
SCRIPT = """
import argparse, os, sys
import gguf, numpy
options = argparse.ArgumentParser()
options.add_argument("model")
options.add_argument("--outfile")
options.add_argument("--outtype")
given = options.parse_args()
fault = os.environ.get("FAULT")
if fault == "unknown":
    open(given.outfile, "wb").write(b"GGUF half")
    sys.exit("ERROR:hf-to-gguf:Model FooForCausalLM is not supported")
kind = "q8_0" if fault == "kind" else given.outtype
writer = gguf.GGUFWriter(given.outfile, "llama")
writer.add_file_type(gguf.LlamaFileType["ALL_F32" if kind == "f32" else f"MOSTLY_{kind.upper()}"])
if fault != "empty":
    writer.add_tensor("token_embd.weight", numpy.zeros((64, 64), numpy.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
if fault == "short":
    os.truncate(given.outfile, os.path.getsize(given.outfile) - 5000)
"""
# As llama-quantize is called: the file, the new one, the kind.
QUANTIZER = """#!/usr/bin/env python3
import sys
import gguf
found = gguf.GGUFReader(sys.argv[1])
assert found.fields["general.file_type"].contents() == gguf.LlamaFileType.MOSTLY_BF16
writer = gguf.GGUFWriter(sys.argv[2], "llama")
writer.add_file_type(gguf.LlamaFileType["MOSTLY_" + sys.argv[3]])
writer.add_tensor("token_embd.weight", found.tensors[0].data)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
"""


@pytest.fixture
def llama_cpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of llama.cpp that is not built."""
    folder = tmp_path / "llama.cpp"
    folder.mkdir()
    (folder / "convert_hf_to_gguf.py").write_text(SCRIPT)
    monkeypatch.setenv("LLAMA_CPP", str(folder))
    monkeypatch.delenv("FAULT", raising=False)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return folder


def test_the_file_lies_in_the_model_folder_under_the_name_and_the_kind(llama_cpp: Path, model: Path) -> None:
    written = convert(check_converter("Q8_0"), model, "Q8_0", "tiny")
    assert written == model / "tiny-q8_0.gguf"
    assert gguf.GGUFReader(written).tensors[0].name == "token_embd.weight"
    assert {path.name for path in model.iterdir()} == {"config.json", "tiny-q8_0.gguf"}


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ("unknown", "Model FooForCausalLM is not supported"),
        ("short", "cannot be read back"),
        ("empty", "no tensors"),
        ("kind", "it is MOSTLY_Q8_0"),
    ],
)
def test_what_goes_wrong_is_said_and_leaves_no_file(
    llama_cpp: Path, model: Path, monkeypatch: pytest.MonkeyPatch, fault: str, complaint: str
) -> None:
    monkeypatch.setenv("FAULT", fault)
    with pytest.raises(GpgError, match=complaint):
        convert(check_converter("f16"), model, "f16", "tiny")
    assert [path.name for path in model.iterdir()] == ["config.json"]


def test_a_kind_that_only_llama_quantize_makes_needs_it(
    llama_cpp: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GpgError, match="needs llama-quantize, which is not here"):
        check_converter("q4_k_m")
    program = llama_cpp / "build" / "bin" / "llama-quantize"
    program.parent.mkdir(parents=True)
    program.write_text(QUANTIZER)
    program.chmod(0o755)
    written = convert(check_converter("q4_k_m"), model, "q4_k_m", "tiny")
    assert {path.name for path in model.iterdir()} == {"config.json", "tiny-q4_k_m.gguf"}
    assert gguf.GGUFReader(written).fields["general.file_type"].contents() == gguf.LlamaFileType.MOSTLY_Q4_K_M


def test_a_converter_on_the_path_is_started_as_it_asks_to_be(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "convert_hf_to_gguf.py"
    program.parent.mkdir()
    program.write_text("#!/usr/bin/env python3\n" + SCRIPT)
    program.chmod(0o755)
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    converter = check_converter("f32")
    assert list(converter.convert) == [str(program)]
    assert convert(converter, model, "f32", "tiny").is_file()


def test_a_missing_or_broken_converter_and_an_unknown_kind_are_refused_with_what_to_do(
    llama_cpp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(GpgError, match="'q8' is not known") as unknown:
        check_converter("q8")
    assert "Did you mean q8_0" in unknown.value.hint
    (llama_cpp / "convert_hf_to_gguf.py").write_text("import a_module_that_nobody_has")
    with pytest.raises(GpgError, match="does not start: ModuleNotFoundError: No module named 'a_module"):
        check_converter("q8_0")
    (llama_cpp / "convert_hf_to_gguf.py").unlink()
    monkeypatch.setenv("PATH", str(llama_cpp))
    with pytest.raises(GpgError, match="LLAMA_CPP names, and not on PATH") as missing:
        check_converter("q8_0")
    assert "git clone" in missing.value.hint


def test_of_a_model_that_sees_it_is_said_that_this_is_half(
    llama_cpp: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (model / "config.json").write_text('{"vision_config": {}}')
    convert(check_converter("bf16"), model, "bf16", "tiny")
    assert "holds the language model alone" in " ".join(capsys.readouterr().err.split())
