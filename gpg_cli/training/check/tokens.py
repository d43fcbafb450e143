"""Does a completion end where it should, and does a prompt begin once? And does it leave the format to be earned?"""

from collections.abc import Sequence
from typing import Any

from gpg_cli.errors import GpgError
from gpg_cli.model_files import rendering
from gpg_cli.training.check.findings import Finding, Level, Section

# Rewards that look for the opening tag in the completion.
_WANT_OPENING = {"vision_format", "format", "format_openr1", "tag_count", "tag_count_openr1", "tag_count_openrs"}
_THINK = "<think>"


def check_tokens(tokenizer: Any, stop_ids: Sequence[int], vocabulary: int | None, prompt: Sequence[int]) -> Section:
    """Look at the special tokens.

    Args:
        tokenizer: of the model.
        stop_ids: tokens at which sampling stops.
        vocabulary: rows of the model's embedding; None where it does not say.
        prompt: tokens of a rendered prompt.
    """
    findings: list[Finding] = []
    names = [tokenizer.convert_ids_to_tokens(token) for token in stop_ids]
    if not stop_ids:
        findings.append(Finding(Level.PROBLEM, "no token ends a completion", "the model's tokenizer (eos_token)"))
    else:
        findings.append(Finding(Level.OK, f"completions end at {', '.join(map(str, names))}"))
    turn_end = _end_of_turn(tokenizer)
    if turn_end is not None and stop_ids and turn_end not in stop_ids:
        name = tokenizer.convert_ids_to_tokens(turn_end)
        text = f"the chat template ends an answer with {name}, at which sampling does not stop"
        findings.append(Finding(Level.PROBLEM, text, "the model's generation_config.json (eos_token_id)"))
    if tokenizer.pad_token_id is None:
        findings.append(Finding(Level.WARNING, "there is no padding token; the end token fills in", "pad_token"))
    if vocabulary is not None and len(tokenizer) > vocabulary:
        text = f"the tokenizer has {len(tokenizer)} tokens, the model {vocabulary}"
        findings.append(Finding(Level.PROBLEM, text, "the model, or its tokenizer"))
    begin = tokenizer.bos_token_id
    if begin is not None and list(prompt[:2]) == [begin, begin]:
        text = f"a prompt begins with {tokenizer.bos_token} twice: the chat template writes it, and the tokenizer too"
        findings.append(Finding(Level.WARNING, text, "chat_template, or the tokenizer's add_bos_token"))
    return Section("Tokens", findings)


def check_format(prompt: str, reward_funcs: Sequence[str]) -> Finding:
    """Whether the prompt leaves the opening tag to the model where a reward wants to see it (open-r1#560, trl#6966)."""
    wanting = [name for name in reward_funcs if name in _WANT_OPENING]
    if think_is_open(prompt) and wanting:
        text = f"the prompt ends in {_THINK} already, so that no completion can earn all of {', '.join(wanting)}"
        return Finding(Level.PROBLEM, text, "reward_funcs (format_v2 looks for the end of thinking alone)")
    return Finding(Level.OK, f"the prompt {'ends in' if think_is_open(prompt) else 'does not open'} {_THINK}")


def think_is_open(prompt: str) -> bool:
    """Whether a rendered prompt ends in the opening tag."""
    return prompt.rstrip().endswith(_THINK)


def _end_of_turn(tokenizer: Any) -> int | None:
    """The special token that the chat template puts after an assistant's message."""
    if tokenizer.chat_template is None:
        return None
    mark = "a1b2c3"
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": mark}]
    try:
        with rendering(""):
            text = tokenizer.apply_chat_template(messages, tokenize=False)
    except GpgError:  # a template of one's own may refuse such a conversation
        return None
    after = tokenizer(text.rpartition(mark)[2], add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids) | set(tokenizer.added_tokens_decoder)
    return next((token for token in after if token in special), None)
