"""What a person should know before a number is made of it: said once, before the model loads."""

from collections.abc import Sequence

from rich.markup import escape

from gpg_cli.console import say
from gpg_cli.evaluation.model_text import ModelText
from gpg_cli.evaluation.plan import Plan
from gpg_cli.evaluation.profiles import suggest_profile
from gpg_cli.evaluation.prompting import Prepared
from gpg_cli.grading import golds_read_as_text
from gpg_cli.vision.model import pixel_limit

_SHOWN = 3


def mention_surprises(plan: Plan, prepared: Sequence[Prepared], text: ModelText) -> None:
    """Say which golds are no mathematics, which prompts are too long, and how the model is asked where that differs."""
    for item in prepared:
        name = escape(item.planned.bench.name)
        if item.planned.style.chat and not (item.planned.style.template or text.has_chat_template):
            say(f"[yellow]The model has no chat template: {name} asks it with the plain prompt.[/]")
        _mention_pictures(item, text, plan.request.pictures.max_pixels)
        if item.too_long:
            say(f"[yellow]{name}: {item.too_long} prompts leave no room for an answer; they count as truncated.[/]")
        _mention_golds(item)
    request = plan.request
    profile = suggest_profile(plan.model.location)
    asked = request.profile or request.chat_template or request.system_prompt
    if profile is None or asked:
        return
    others = [item.planned.bench for item in prepared if profile.variant in item.planned.bench.variants]
    for bench in others:
        say(
            f"{escape(bench.name)} asks this model as if it were a base model; "
            f"--profile {profile.name} asks it as what it is."
        )
    if not others and any(item.planned.style.chat != profile.chat for item in prepared):
        say(f"The published numbers of this model are with --profile {profile.name} ({profile.description}).")


def _mention_pictures(item: Prepared, text: ModelText, max_pixels: int | None) -> None:
    """Another limit on pictures than the protocol's."""
    limit = item.planned.bench.pictures.max_pixels
    if limit is None or max_pixels is not None or text.processor is None:
        return
    own = pixel_limit(text.processor)
    if own is None or own == limit:
        return
    sizes = [picture.size() for prompt in item.prompts for picture in prompt.pictures]
    if any(width * height > min(own, limit) for width, height in sizes):
        say(
            f"[yellow]{escape(item.planned.bench.name)}: this model's processor scales pictures down to {own:,} "
            f"pixels, the published protocol's to {limit:,}: --max-pixels {limit}[/]"
        )


def _mention_golds(item: Prepared) -> None:
    """Golds that the parser cannot read: answers to them are compared as text."""
    problems = item.planned.problems.problems
    golds = [(problem.gold,) if isinstance(problem.gold, str) else problem.gold for problem in problems]
    flat = [gold for each in golds for gold in each]
    as_text = dict(zip(flat, golds_read_as_text(flat, item.planned.bench.rule), strict=True))
    found = [place for place, each in enumerate(golds) if all(as_text[gold] for gold in each)]
    if found:
        examples = ", ".join(f"row {problems[place].index + 1} ({golds[place][0][-40:]!r})" for place in found[:_SHOWN])
        say(
            f"{escape(item.planned.bench.name)}: {len(found)} of {len(problems)} golds are no mathematics to the "
            f"parser, and are compared as text: {escape(examples)}"
        )
