"""What vLLM is told about pictures: its arguments, and a request's prompt with them. Read from vLLM 0.31."""

from typing import Any

from gpg_cli.evaluation.engine import Request
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.vision.model import is_vision_model


def picture_arguments(model_location: str, text: ModelText) -> dict[str, Any]:
    """Fields of EngineArgs that a vision-language model needs; none for a model of text."""
    if text.processor is None:
        # Nobody shows it pictures: vLLM leaves the vision tower out.
        return {"limit_mm_per_prompt": {"image": 0, "video": 0}} if is_vision_model(model_location) else {}
    return {
        # vLLM finds the places of pictures with the model's processor, to which the tokenizer belongs.
        "skip_tokenizer_init": False,
        # Its memory is planned for the longest thing that a prompt may hold, and that would be a video.
        "limit_mm_per_prompt": {"video": 0},
        **processor_arguments(text),
    }


def processor_arguments(text: ModelText) -> dict[str, Any]:
    """`mm_processor_kwargs` of EngineArgs: the pixel limits of our processor.

    vLLM loads the processor from the model's folder, which may have other limits.
    """
    size = getattr(text.processor.image_processor, "size", None)
    limits = {key: size[key] for key in ("shortest_edge", "longest_edge") if size and key in dict(size)}
    return {"mm_processor_kwargs": {"size": limits}} if len(limits) == 2 else {}


def vllm_prompt(request: Request) -> dict[str, Any]:
    """A prompt for vLLM, pictures decoded.

    Its image tokens stand one for each picture: vLLM multiplies them itself, and would multiply expanded ones again.
    """
    prompt: dict[str, Any] = {"prompt_token_ids": list(request.token_ids)}
    if request.pictures:
        prompt["multi_modal_data"] = {"image": [picture.load() for picture in request.pictures]}
    return prompt
