"""How a prompt with pictures is written where no chat template is used."""

from typing import Any

# What Qwen's vision-language models have around a picture.
_BEGIN, _END = "<|vision_start|>", "<|vision_end|>"


def plain_template(processor: Any) -> str:
    """Jinja text that writes the parts of all messages one after the other and nothing else.

    So the templates of Qwen2-VL's base models write a list of parts: no roles, no turns.
    """
    vocabulary = processor.tokenizer.get_vocab()
    image = processor.image_token
    if _BEGIN in vocabulary and _END in vocabulary:
        image = f"{_BEGIN}{image}{_END}"
    return (
        "{% for message in messages %}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}" + image + "{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}{% endfor %}"
    )
