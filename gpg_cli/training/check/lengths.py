"""How long prompts and golds are, against the limits."""

from collections.abc import Sequence

from gpg_cli.training.check.findings import Finding, Level, Section

_BAR = 30
_BINS = 8
_TOLERATED = 0.05


def histogram(name: str, lengths: Sequence[int]) -> list[str]:
    """Lines of text: a bar for each range of lengths, in tokens."""
    if not lengths:
        return []
    ordered = sorted(lengths)
    first, last = ordered[0], ordered[-1]
    if first == last:
        return [f"{name}: all have {first} tokens"]
    width = -(-(last - first + 1) // _BINS)
    counts = [0] * ((last - first) // width + 1)
    for length in ordered:
        counts[(length - first) // width] += 1
    lines = [f"{name} in tokens: shortest {first}, median {ordered[len(ordered) // 2]}, longest {last}"]
    for place, count in enumerate(counts):
        bar = "█" * max(round(_BAR * count / max(counts)), int(count > 0))
        start = first + place * width
        lines.append(f"{start:>7}–{start + width - 1:<7}{bar} {count}")
    return lines


def check_lengths(
    prompts: Sequence[int],
    golds: Sequence[int],
    rows: Sequence[int],
    *,
    max_prompt_length: int | None,
    max_completion_length: int,
    context: int | None,
) -> Section:
    """Compare lengths with the limits.

    Args:
        prompts: tokens of each prompt, rendered.
        golds: tokens of each gold; worked solutions say how much room an answer needs, short answers say little.
        rows: number of each prompt in the data set, from 1.
        context: longest prompt and completion together that the model was made for; None where it does not say.
    """
    findings: list[Finding] = []
    if max_prompt_length is not None:
        long = [row for row, length in zip(rows, prompts, strict=True) if length > max_prompt_length]
        share = len(long) / len(prompts)
        text = f"{len(long)} of {len(prompts)} prompts ({share:.1%}) are longer than {max_prompt_length} tokens"
        many = share > _TOLERATED
        rows_shown = tuple(long[:5])
        findings.append(
            Finding(Level.WARNING, f"{text} and are left out", "max_prompt_length", rows_shown)
            if many
            else Finding(
                Level.OK,
                f"{text} and are left out" if long else f"no prompt is longer than {max_prompt_length} tokens",
                rows=rows_shown,
            )
        )
    longest = max(min(length, max_prompt_length or length) for length in prompts)
    if context is not None and longest + max_completion_length > context:
        text = (
            f"the longest prompt ({longest}) and completion ({max_completion_length}) exceed the context of {context}"
        )
        findings.append(Finding(Level.PROBLEM, text, "max_prompt_length or max_completion_length"))
    tight = sum(length > max_completion_length for length in golds)
    if golds and tight:
        share = tight / len(golds)
        text = f"{tight} of {len(golds)} golds ({share:.1%}) alone are longer than max_completion_length"
        level = Level.PROBLEM if share > 0.5 else Level.WARNING
        findings.append(Finding(level, f"{text} = {max_completion_length}", "max_completion_length"))
    elif max_completion_length <= 256 and context is not None and context > 2048:
        # TRL's default of 256 cuts 97 % of the answers of a model that thinks (trl#5697).
        text = f"completions are cut at {max_completion_length} tokens, which is little for a model that thinks"
        findings.append(Finding(Level.WARNING, text, "max_completion_length"))
    if not findings:
        findings.append(Finding(Level.OK, "prompts and completions fit"))
    return Section("Lengths", findings, [*histogram("prompts", prompts), *histogram("golds", golds)])
