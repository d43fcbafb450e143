"""The shape of a model from its configuration alone: no weights are read, none are made."""

import json
import math
from importlib.resources import files
from pathlib import Path
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.planning.memory import Architecture
from gpg_cli.quickstart_pictures import QUICKSTART_VISION
from gpg_cli.quickstart_task import QUICKSTART

_NO_NETWORK = "Name a folder with the model's config.json: --model DIR"


def read_architecture(name: str, revision: str | None = None) -> Architecture:
    """The architecture of a run folder, a model folder, a Hub id or a quickstart's built-in model.

    The Hub is not asked for the models that presets start from: the numbers of their config.json are in
    known_models.json.

    Raises:
        GpgError: there is no such model, the Hub cannot be reached, or the configuration is no decoder's.
    """
    config = _config(name, revision)
    text = config.get_text_config()
    try:
        heads = int(text.num_attention_heads)
        vision = _vision(config)
        return Architecture(
            parameters=_parameters(config),
            hidden=int(text.hidden_size),
            layers=int(text.num_hidden_layers),
            heads=heads,
            kv_heads=int(getattr(text, "num_key_value_heads", None) or heads),
            head_dim=int(getattr(text, "head_dim", None) or text.hidden_size // heads),
            intermediate=int(text.intermediate_size),
            vocabulary=int(text.vocab_size),
            tied=bool(config.tie_word_embeddings),
            **vision,
        )
    except AttributeError as error:
        raise GpgError(
            f"the configuration of {name} is of a kind that is not known here: {error}",
            "The formulas are for decoders such as Llama, Qwen, Mistral and SmolLM.",
        ) from error


def known_models() -> dict[str, dict[str, Any]]:
    """What config.json of the presets' models says, by Hub id."""
    return json.loads((files(__package__) / "known_models.json").read_text(encoding="utf-8"))


def _config(name: str, revision: str | None) -> Any:
    from transformers import AutoConfig

    from gpg_cli.hub_access import fetch_from_hub
    from gpg_cli.model_files import loading
    from gpg_cli.pretrained import load
    from gpg_cli.run_folder import find_model

    if name == QUICKSTART:
        from gpg_cli.training.quickstart import make_model, make_tokenizer

        return make_model(make_tokenizer(), 0).config
    if name == QUICKSTART_VISION:
        from gpg_cli.training import quickstart_vision

        return quickstart_vision.make_model(quickstart_vision.make_processor().tokenizer, 0).config
    known = known_models().get(name)
    if known is not None and not Path(name).is_dir():
        numbers = dict(known)
        return AutoConfig.for_model(numbers.pop("model_type"), **numbers)
    model = find_model(name)
    folder = model.location
    if not model.is_local:
        folder = str(fetch_from_hub(name, "config.json", revision=revision, hint=_NO_NETWORK).parent)
    with loading(f"the configuration of {name}", "Check its config.json."):
        return load(AutoConfig, folder)


def _parameters(config: Any) -> int:
    """Counted on the meta device, where a tensor has a shape and no memory."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    kind = AutoModelForImageTextToText if getattr(config, "vision_config", None) else AutoModelForCausalLM
    with torch.device("meta"):
        model = kind.from_config(config)
    model.tie_weights()
    return sum(parameter.numel() for parameter in model.parameters())


def _vision(config: Any) -> dict[str, Any]:
    tower = getattr(config, "vision_config", None)
    if tower is None:
        return {}
    # Qwen2-VL calls its width embed_dim, and the decoder's hidden_size; Qwen2.5-VL calls its own hidden_size.
    hidden = int(getattr(tower, "embed_dim", None) or tower.hidden_size)
    ratio = getattr(tower, "mlp_ratio", None)
    return {
        "vision_layers": int(getattr(tower, "depth", None) or tower.num_hidden_layers),
        "vision_hidden": hidden,
        "vision_intermediate": int(math.ceil(ratio * hidden) if ratio else tower.intermediate_size),
        "vision_heads": int(getattr(tower, "num_heads", None) or tower.num_attention_heads),
        "vision_merge": int(getattr(tower, "spatial_merge_size", 1)) ** 2,
        "vision_gated": not ratio,
    }
