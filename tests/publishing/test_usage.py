"""The lines of a model card that a reader copies."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gpg_cli.publishing.metadata import metadata
from gpg_cli.publishing.usage import shows_pictures, usage


def test_the_lines_for_a_model_that_sees_run_as_they_stand(
    tiny_qwen2_vl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shows_pictures(tiny_qwen2_vl)
    assert metadata("tiny", None, [], pictures=True).pipeline_tag == "image-text-to-text"
    text = usage(str(tiny_qwen2_vl), None, tiny_qwen2_vl, None, [])
    transformers, vllm = re.findall(r"```python\n(.*?)\n```", text, re.DOTALL)
    assert '{"type": "image_pil", "image_pil": picture}' in vllm
    Image.new("RGB", (56, 56), "red").save(tmp_path / "picture.png")
    lines = transformers.replace("max_new_tokens=512", "max_new_tokens=4")
    done = subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_text_model_sees_nothing(tiny_model: Path) -> None:
    assert not shows_pictures(tiny_model)
    text = usage(str(tiny_model), None, tiny_model, None, [])
    assert "picture" not in text
