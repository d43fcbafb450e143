"""How much memory a step takes: every formula of `gpg plan`, in bytes, from the shape of a model and the settings.

Sources: ZeRO (arXiv 1910.02054, section 3) for weights, gradients and optimiser state; "Reducing Activation
Recomputation in Large Transformer Models" (Korthikanti et al., arXiv 2205.05198, section 4) for the way activations
are counted, which its 34 bytes x tokens x hidden are an example of; what the layers of transformers 5.17 and the
log-probabilities of TRL 1.16 keep was read from their code. tests/planning/test_memory.py compares all of it with what
PyTorch's allocator gives out in real training steps.

Not in these formulas: CUDA's context, NCCL's buffers, cuBLAS' workspaces and what fragmentation loses. `RESERVE` is the
allowance for them.
"""

from dataclasses import dataclass
from typing import Literal

GB = 1e9
# Of each GPU: CUDA's context, NCCL, workspaces. An allowance, not a measurement.
RESERVE = 2 * GB
# Of what PyTorch holds: lost between blocks of its allocator. An allowance as well.
FRAGMENTATION = 0.05
FLOAT32 = 4
# TRL 1.16 projects so many tokens on so many words of the vocabulary at once (kernels/chunked_logprob.py,
# trainer/utils.py); a test notices when it changes.
TOKEN_TILE = 4096
VOCABULARY_TILE = 32768

Sharing = Literal["single", "ddp", "zero2", "zero3", "fsdp"]


@dataclass(frozen=True)
class Architecture:
    """The shape of a decoder: numbers alone.

    Attributes:
        parameters: of the whole model, a vision tower included.
        vocabulary: words, which the output layer projects on.
        tied: whether embedding and output layer are one matrix.
        vision_layers, vision_hidden, vision_intermediate, vision_heads, vision_merge: of the tower that pictures go
            through; 0 layers where there is none. `vision_merge` patches become one token;
            `vision_gated` is an MLP of three matrices.
    """

    parameters: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    tied: bool
    vision_layers: int = 0
    vision_hidden: int = 0
    vision_intermediate: int = 0
    vision_heads: int = 1
    vision_merge: int = 4
    vision_gated: bool = False

    @property
    def query_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def layer_matrices(self) -> int:
        """Parameters of the matrices of one layer: queries, keys, values, output, and the three of the MLP."""
        attention = self.hidden * (2 * self.query_width + 2 * self.kv_width)
        return attention + 3 * self.hidden * self.intermediate

    @property
    def vision_matrices(self) -> int:
        """The same of one layer of the vision tower."""
        return (
            4 * self.vision_hidden**2 + (3 if self.vision_gated else 2) * self.vision_hidden * self.vision_intermediate
        )


@dataclass(frozen=True)
class Precision:
    """Bytes of a number.

    Attributes:
        weights: of the weights as the optimiser moves them, outside ZeRO.
        compute: of a matrix product.
        stream: of what passes from layer to layer: float32 under autocast, because embeddings and norms keep the
            weights' type; the weights' type where the whole model was converted.
    """

    weights: int
    compute: int
    stream: int


@dataclass(frozen=True)
class State:
    """What a GPU holds from step to step, and the gradients, in bytes.

    Attributes:
        weights: and what is gathered of them at once, where they are shared out.
        gradients: whole, with the buckets of the exchange.
        optimizer: AdamW's two moments and, under ZeRO, the float32 weights.
        at_step: what the optimiser's step needs besides, when activations are gone.
    """

    weights: float
    gradients: float
    optimizer: float
    at_step: float = 0.0

    @property
    def kept(self) -> float:
        """While completions are sampled: no gradients."""
        return self.weights + self.optimizer


def lora_parameters(shape: Architecture, rank: int, modules: frozenset[str] | None = None) -> int:
    """Parameters of LoRA adapters: rank x (inputs + outputs) for each matrix (Hu et al., arXiv 2106.09685).

    Args:
        modules: names such as q_proj; None is every linear layer of the decoder.
    """
    h, q, k, i = shape.hidden, shape.query_width, shape.kv_width, shape.intermediate
    both = {"q_proj": h + q, "k_proj": h + k, "v_proj": h + k, "o_proj": q + h}
    both |= {"gate_proj": h + i, "up_proj": h + i, "down_proj": i + h}
    return rank * shape.layers * sum(n for name, n in both.items() if modules is None or name in modules)


def training_state(
    shape: Architecture,
    precision: Precision,
    sharing: Sharing,
    processes: int,
    trainable: int,
    adapters: int = 0,
    moments: int = 2 * FLOAT32,
) -> State:
    """Weights, gradients and optimiser of one of `processes` GPUs.

    ZeRO's table (arXiv 1910.02054, figure 1): with P parameters, N processes and bfloat16, stage 2 holds
    2P + (2 + 12) P / N bytes and stage 3 holds 16 P / N. DeepSpeed makes a float32 copy of the gradients' share for the
    step (`single_partition_of_fp32_groups[i].grad`): 4 P / N more then. DDP holds the gradients once more in its
    buckets (`gradient_as_bucket_view` is off in accelerate). FSDP2 holds everything in shares, in the weights' type.

    Args:
        trainable: parameters that have a gradient.
        adapters: parameters of LoRA besides the model's own.
        moments: bytes of the optimiser's state for a float32 parameter; AdamW has two moments, in the weights' type.
    """
    held = shape.parameters + adapters
    if not sharing.startswith("zero"):
        moments = moments * precision.weights // FLOAT32
    if sharing in ("single", "ddp"):
        buckets = 2 if sharing == "ddp" and processes > 1 else 1
        size = precision.weights
        return State(held * size, trainable * size * buckets, trainable * moments)
    share = trainable / processes
    if sharing == "zero2":
        return State(
            held * precision.compute,
            share * precision.compute,
            share * (FLOAT32 + moments),
            at_step=share * FLOAT32,
        )
    # One layer at work and the next one on its way.
    gathered = 2 * shape.layer_matrices * precision.compute
    if sharing == "zero3":
        return State(
            held / processes * precision.compute + gathered,
            share * precision.compute,
            share * (FLOAT32 + moments),
            at_step=share * FLOAT32,
        )
    # TRL gathers the output layer of FSDP in the weights' type, for the whole pass.
    head = shape.vocabulary * shape.hidden * precision.weights
    return State(held / processes * precision.weights + gathered + head, share * precision.weights, share * moments)


def layer_activations(shape: Architecture, tokens: int, precision: Precision, *, frozen: bool = False) -> float:
    """Bytes that the forward pass of one layer keeps for its backward pass, of `tokens` tokens, padding included.

    With h the hidden size, q and k the widths of queries and of keys, i the MLP's, c bytes a number of a product and s
    of the stream, a token keeps: for each of two norms 4h (its input in float32) and s h (normalised; not where the
    norm is `frozen`, as under LoRA); the input of the products, once (s h a norm) where stream and products are of one
    type, else a converted copy for each of the five; queries, keys, values and attention's output, c (2q + 2k), with a
    float32 for each head (flash attention, arXiv 2205.14135: no tokens x tokens); in the MLP 4 c i.
    """
    h, q, k, i = shape.hidden, shape.query_width, shape.kv_width, shape.intermediate
    c, s = precision.compute, precision.stream
    norms = 2 * FLOAT32 * h + (0 if frozen else 2 * s * h)
    inputs = 2 * s * h if c == s else 5 * c * h
    attention = c * (2 * q + 2 * k) + FLOAT32 * shape.heads
    return tokens * (norms + inputs + attention + 4 * c * i)


def layer_backward(shape: Architecture, tokens: int, precision: Precision, *, frozen: bool = False) -> float:
    """Bytes that are at work in a layer's backward pass besides: gradients in the MLP, and of the stream.

    The MLP's first gradient is as wide as i; where weights are `frozen`, LoRA's own is there as well. What the backward
    pass has used is free again. Found by measuring.
    """
    return tokens * ((2 if frozen else 1) * precision.compute * shape.intermediate + precision.stream * shape.hidden)


def activations(
    shape: Architecture, tokens: int, precision: Precision, *, checkpointing: bool, frozen: bool = False
) -> tuple[float, float]:
    """(what is kept from the forward pass, what a layer's backward pass adds to it), in bytes, without the head.

    With checkpointing the input of each layer is kept and one layer at a time is computed again (arXiv 1604.06174).
    Under autocast the matrices are kept converted as well, until their backward pass.
    """
    stream = precision.stream * shape.hidden * tokens
    converted = precision.compute if precision.compute != precision.weights and precision.stream == FLOAT32 else 0
    layer = layer_activations(shape, tokens, precision, frozen=frozen) + converted * shape.layer_matrices
    ends = tokens * shape.hidden * (FLOAT32 + 2 * precision.stream)
    if checkpointing:
        # The layer's input is among what it keeps in float32, and counted already.
        again = layer - (stream if precision.stream == FLOAT32 else 0)
        return shape.layers * stream + ends, again + layer_backward(shape, tokens, precision, frozen=frozen)
    return shape.layers * layer + ends, layer_backward(shape, tokens, precision, frozen=frozen)


def head_work(
    shape: Architecture,
    scored: int,
    precision: Precision,
    *,
    trainable: bool,
    vocabulary_tile: int = VOCABULARY_TILE,
    fused: bool = True,
) -> float:
    """Bytes at work in the backward pass of the log-probabilities of `scored` tokens; the logits never exist whole.

    A tile of 4,096 tokens x 32,768 words, the hidden states that are scored, their gradients and those of the output
    layer in float32, and the part of the output layer that is converted for a tile (TRL 1.16,
    `ChunkedLogProbFunction`).

    Args:
        trainable: whether the output layer has a gradient.
        fused: Triton works on the tile in place; without it (CPU) PyTorch makes seven copies in float32.
    """
    rows, width = min(scored, TOKEN_TILE), min(vocabulary_tile, shape.vocabulary)
    tile = rows * vocabulary_tile * precision.compute
    gradients = FLOAT32 * shape.hidden * (scored + (shape.vocabulary if trainable else 0))
    chosen = precision.stream * shape.hidden * scored
    converted = 0 if precision.compute == precision.weights else precision.compute * width * shape.hidden
    return tile + gradients + chosen + converted + (0 if fused else 7 * FLOAT32 * rows * width)


def step_activations(
    shape: Architecture,
    tokens: int,
    scored: int,
    precision: Precision,
    *,
    checkpointing: bool,
    frozen: bool = False,
    vocabulary_tile: int = VOCABULARY_TILE,
    fused: bool = True,
) -> float:
    """The most that one micro-batch takes besides the state and the gradients, in bytes.

    Args:
        tokens: of the micro-batch, padding included.
        scored: of them, those of completions (all of them where `fused` is off).
    """
    kept, work = activations(shape, tokens, precision, checkpointing=checkpointing, frozen=frozen)
    head = head_work(shape, scored, precision, trainable=not frozen, vocabulary_tile=vocabulary_tile, fused=fused)
    backward = kept + max(work, head)
    if not checkpointing or precision.compute == precision.weights or precision.stream != FLOAT32 or frozen:
        return backward
    # Autocast keeps every converted matrix until it ends, after the forward pass.
    tile = min(scored, TOKEN_TILE) * vocabulary_tile * precision.compute
    in_layer = tokens * (3 * precision.compute * shape.intermediate + precision.stream * shape.hidden)
    return max(backward, kept + precision.compute * shape.layers * shape.layer_matrices + max(tile, in_layer))


def vision_activations(shape: Architecture, patches: int, precision: Precision, *, checkpointing: bool) -> float:
    """Bytes that the tower of a vision-language model keeps of so many patches, as in `layer_activations`.

    Qwen2-VL's layers have LayerNorm, which keeps its input, and an MLP of two matrices, whose activation keeps its
    input and a sigmoid; Qwen2.5-VL's norms and MLP are a decoder's. Attention keeps turned queries and keys beside the
    product that queries, keys and values are parts of, and its output twice. The ends are the patches and what merges
    them.
    """
    h, i, c, s = shape.vision_hidden, shape.vision_intermediate, precision.compute, precision.stream
    attention = 7 * c * h + FLOAT32 * shape.vision_heads
    ends = patches * 5 * s * h if shape.vision_layers else 0
    if shape.vision_gated:
        kept = 2 * (FLOAT32 + s) * h + (2 * s * h if c == s else 3 * c * h) + attention + 4 * c * i
    else:
        kept = 2 * s * h + (2 * s * h if c == s else 2 * c * h) + attention + 3 * c * i
    converted = c * shape.vision_matrices if c != precision.weights and s == FLOAT32 else 0
    layer = patches * kept + converted
    if checkpointing:
        return shape.vision_layers * patches * s * h + (layer if shape.vision_layers else 0) + ends
    return shape.vision_layers * layer + ends


def kv_bytes_per_token(shape: Architecture, size: int) -> int:
    """Bytes of the keys and values of one token in all layers, with `size` bytes a number.

    2 x layers x heads of keys x head size, for grouped-query attention (Ainslie et al., arXiv 2305.13245).
    """
    return 2 * shape.layers * shape.kv_width * size


def generation(shape: Architecture, rows: int, prompt: int, new: int, precision: Precision) -> float:
    """Bytes of sampling `new` tokens to each of `rows` prompts of `prompt` tokens with transformers.

    At first the prompts' cache and what one layer works with on all of them; at the end the whole cache, one layer's
    keys and values once more, because the cache grows by copying, and the logits of the newest tokens, twice, in
    float32. The cache is of the stream's type: rotary embeddings give it to the keys, and the keys to the values.
    """
    token = kv_bytes_per_token(shape, precision.stream)
    width = 3 * precision.compute * shape.intermediate + 4 * precision.stream * shape.hidden
    converted = 0 if precision.compute == precision.weights else precision.compute * shape.layer_matrices
    first = rows * prompt * (token + width) + converted
    last = rows * ((prompt + new) * token * (1 + 1 / shape.layers) + 2 * FLOAT32 * shape.vocabulary)
    return max(first, last)


# What vLLM takes at work besides weights, keys and values: activations of its largest batch, CUDA graphs; and what it
# keeps while it sleeps. Allowances, not measurements.
ENGINE_WORK = 1.5 * GB
ENGINE_ASLEEP = 1.5 * GB


def engine_room(shape: Architecture, memory: float, tensor_parallel: int, longest: int) -> float:
    """How many completions of `longest` tokens, prompts included, a vLLM engine in `memory` bytes holds at once.

    Weights and cache are bfloat16, in 1 / `tensor_parallel` (PagedAttention, arXiv 2309.06180, leaves no padding in the
    cache). Below 1 the engine does not start: not even one completion has room.
    """
    left = memory - ENGINE_WORK - 2 * shape.parameters / tensor_parallel
    return left / (longest * kv_bytes_per_token(shape, 2) / tensor_parallel)
