"""Does vLLM compute with an exported model what transformers does? Asked of a process of its own.

vLLM takes a GPU's memory and writes to a process's output; when it ends with the process, both are free again.
Run as `python -m gpg_cli.publishing.vllm_check FOLDER DTYPE MAX_TOKENS REPORT`, it reads token lists, JSON, from stdin.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.publishing.loading import load_model, load_tokenizer
from gpg_cli.publishing.verification import PROMPTS, logits_of

_MAX_TOKENS = 512
# Mean difference of a prompt token's log-probability, in nats: other kernels, and other orders of adding up.
TOLERANCE = {"float32": 2e-3, "float16": 2e-2, "bfloat16": 0.1}


def require_vllm() -> None:
    """Refuse the check where vLLM is not installed.

    Raises:
        GpgError: it is not.
    """
    if find_spec("vllm") is None:
        raise GpgError("--check vllm needs vLLM, which is not installed", 'Install it: pip install "gpg-cli[vllm]"')


def verify_in_vllm(folder: Path) -> float:
    """Check that vLLM gives the prompts' tokens the log-probabilities that transformers gives them.

    Returns:
        The mean difference, in nats.

    Raises:
        GpgError: vLLM does not start with this model, or the difference is larger than the dtype explains.
    """
    import torch

    tokenizer = load_tokenizer(folder)
    model = load_model(folder)
    # Of a model with a short context only the beginning of each prompt.
    longest = min(_MAX_TOKENS, getattr(model.config.get_text_config(), "max_position_embeddings", None) or _MAX_TOKENS)
    prompts = [tokenizer(prompt)["input_ids"][: longest - 1] for prompt in PROMPTS]
    dtype = str(model.dtype).removeprefix("torch.")
    expected = []
    for tokens, logits in zip(prompts, logits_of(model, prompts), strict=True):
        log_probs = logits[0, :-1].float().log_softmax(-1)  # (tokens - 1, vocabulary)
        expected += log_probs.gather(1, torch.tensor(tokens[1:])[:, None])[:, 0].tolist()
    del model
    found = _ask_vllm(folder, dtype, longest, prompts)
    difference = sum(abs(one - other) for one, other in zip(expected, found, strict=True)) / len(expected)
    if not difference <= TOLERANCE.get(dtype, TOLERANCE["bfloat16"]):
        raise GpgError(
            f"vLLM gives other log-probabilities than transformers: {difference:.3f} nats off a token, in {dtype}",
            "Report this, with config.json and the version of vLLM. Nothing was published.",
        )
    return difference


def _ask_vllm(folder: Path, dtype: str, longest: int, prompts: list[list[int]]) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="gpg-vllm-check-") as work:
        report, log = Path(work) / "report.json", Path(work) / "log"
        command = [sys.executable, "-m", "gpg_cli.publishing.vllm_check", str(folder), dtype, str(longest), str(report)]
        interface = "lo" if sys.platform == "linux" else "lo0"
        defaults = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_HOST_IP": "127.0.0.1"}
        defaults |= {"GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface}
        environment = defaults | os.environ
        with log.open("w") as output:
            done = subprocess.run(
                command,
                input=json.dumps(prompts),
                text=True,
                stdout=output,
                stderr=output,
                env=environment,
                check=False,
            )
        if done.returncode or not report.exists():
            # The first error is the cause; those after it tell that a process is gone.
            error = re.search(r"(?:\w+Error:|Value error,) (.+)", log.read_text(errors="replace"))
            reason = error[1].strip() if error else f"it ended with code {done.returncode}"
            raise GpgError(f"vLLM cannot run the exported model: {reason}", "Mend that, or leave --check vllm out.")
        log_probs: list[float] = json.loads(report.read_text())
        return log_probs


def main(folder: str, dtype: str, longest: str, report: str) -> None:
    """The process: the log-probability of every prompt token but the first, one list for all prompts."""
    import vllm

    prompts: list[list[int]] = json.load(sys.stdin)
    options: dict[str, Any] = {"max_model_len": int(longest), "max_num_seqs": 4, "enforce_eager": True, "seed": 0}
    options |= {"load_format": "safetensors", "trust_remote_code": False}
    engine = vllm.LLM(model=folder, dtype=dtype, **options)
    sampling = vllm.SamplingParams(max_tokens=1, prompt_logprobs=0, temperature=0)
    outputs = engine.generate([{"prompt_token_ids": tokens} for tokens in prompts], sampling, use_tqdm=False)
    values: list[float] = []
    for tokens, output in zip(prompts, outputs, strict=True):
        for token, entry in zip(tokens[1:], (output.prompt_logprobs or [])[1:], strict=True):
            assert entry is not None
            values.append(entry[token].logprob)
    Path(report).write_text(json.dumps(values))


if __name__ == "__main__":
    main(*sys.argv[1:])
