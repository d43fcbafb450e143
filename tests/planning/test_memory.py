"""The formulas of memory, against what PyTorch allocates: in real steps of the trainer, within 15%."""

from pathlib import Path
from typing import Any

import pytest
import torch
import trl.kernels.chunked_logprob
import trl.trainer.utils

from gpg_cli.planning.architecture import _vision
from gpg_cli.planning.memory import (
    TOKEN_TILE,
    VOCABULARY_TILE,
    Architecture,
    Precision,
    generation,
    kv_bytes_per_token,
    lora_parameters,
    step_activations,
    training_state,
    vision_activations,
)

from .measuring import allocated, make_model, storage_bytes, train_and_measure

WIDE = {"hidden": 256, "layers": 4, "heads": 8, "kv_heads": 2, "intermediate": 1024, "vocabulary": 512}
DEEP = {"hidden": 192, "layers": 6, "heads": 6, "kv_heads": 6, "intermediate": 512, "vocabulary": 512}
LORA_RANK = 8


def near(measured: float) -> Any:
    return pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize("checkpointing", [False, True], ids=["kept", "checkpointed"])
@pytest.mark.parametrize(
    ("kind", "rows", "bf16", "lora", "tile"),
    [
        (WIDE, 4, True, 0, 256),
        (DEEP, 2, False, 0, 256),
        (DEEP, 2, True, LORA_RANK, 256),
        # The output layer takes most, as it does for a real vocabulary.
        (WIDE, 1, False, 0, 4096),
    ],
    ids=["bfloat16", "float32", "lora", "wide-tile"],
)
def test_a_step_of_training(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: dict[str, int],
    rows: int,
    bf16: bool,
    lora: int,
    tile: int,
    checkpointing: bool,
) -> None:
    folder = tmp_path / "model"
    shape = make_model(folder, **kind)
    monkeypatch.setattr(trl.trainer.utils, "_CHUNKED_LOGPROB_CHUNK_SIZE", tile)
    tokens = 224
    measured = train_and_measure(
        folder, tmp_path / "run", rows=rows, tokens=tokens, checkpointing=checkpointing, bf16=bf16, lora=lora
    )

    precision = Precision(weights=4, compute=2 if bf16 else 4, stream=4)
    adapters = lora_parameters(shape, lora) if lora else 0
    state = training_state(shape, precision, "single", 1, adapters or shape.parameters, adapters)
    assert state.weights == near(measured.weights)
    assert state.gradients == near(measured.gradients)
    assert state.optimizer == near(measured.optimizer)
    # On a CPU the head scores all tokens, by operations of PyTorch.
    estimate = step_activations(
        shape,
        rows * tokens,
        rows * tokens,
        precision,
        checkpointing=checkpointing,
        frozen=bool(lora),
        vocabulary_tile=tile,
        fused=False,
    )
    assert estimate == near(measured.activations)


def test_the_tiles_are_those_of_trl() -> None:
    assert trl.trainer.utils._CHUNKED_LOGPROB_CHUNK_SIZE == VOCABULARY_TILE
    assert trl.kernels.chunked_logprob.TOKEN_CHUNK_SIZE == TOKEN_TILE


@pytest.mark.parametrize(("prompt", "new"), [(96, 8), (16, 96)])
@pytest.mark.parametrize("bf16", [False, True])
def test_sampling_with_transformers(tmp_path: Path, bf16: bool, prompt: int, new: int) -> None:
    """The cache that `generate` leaves, and all that it takes at most."""
    from transformers import AutoModelForCausalLM

    shape = make_model(tmp_path / "model", **{**WIDE, "kv_heads": 8})
    sampler = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype="float32").eval()
    rows = 32

    def generate() -> Any:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return sampler.generate(
                torch.full((rows, prompt), 5),
                max_new_tokens=new,
                min_new_tokens=new,
                do_sample=False,
                return_dict_in_generate=True,
            )

    most, _, made = allocated(generate)
    cache = storage_bytes(each for layer in made.past_key_values.layers for each in (layer.keys, layer.values))
    precision = Precision(weights=4, compute=2 if bf16 else 4, stream=4)
    # The newest token is not in the cache: nothing follows it.
    assert rows * (prompt + new - 1) * kv_bytes_per_token(shape, precision.stream) == near(cache)
    assert generation(shape, rows, prompt, new, precision) == near(most)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["qwen2_vl", "qwen2_5_vl"])
def test_a_tower_of_vision(kind: str, dtype: torch.dtype) -> None:
    from transformers import AutoConfig, AutoModelForImageTextToText

    own = {"embed_dim": 128, "mlp_ratio": 4, "hidden_size": 64}
    if kind == "qwen2_5_vl":
        own = {"hidden_size": 128, "intermediate_size": 384, "out_hidden_size": 64, "window_size": 112}
    tower_config = {"model_type": kind, "depth": 6, "num_heads": 4, "patch_size": 14, **own}
    decoder = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = AutoConfig.for_model(kind, **decoder, intermediate_size=64, vocab_size=200, vision_config=tower_config)
    tower = AutoModelForImageTextToText.from_config(config, attn_implementation="sdpa").to(dtype).model.visual
    pixels, grid = torch.randn(2048, 3 * 2 * 14 * 14, dtype=dtype), torch.tensor([[1, 32, 64]])

    _, held, _ = allocated(lambda: tower(pixels, grid_thw=grid))
    shape = Architecture(0, 64, 1, 4, 2, 16, 64, 200, False, **_vision(config))
    size = dtype.itemsize
    assert vision_activations(shape, 2048, Precision(size, size, size), checkpointing=False) == near(held)
