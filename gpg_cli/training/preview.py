"""What a model will be asked, shown to a person before a training is paid for."""

from dataclasses import dataclass

from gpg_cli.errors import GpgError
from gpg_cli.quickstart_task import QUICKSTART
from gpg_cli.run_folder import find_model
from gpg_cli.training.build import load_processing, training_prompts
from gpg_cli.training.data.rendering import tokenize_prompts
from gpg_cli.training.plan import Plan


@dataclass(frozen=True)
class Preview:
    """The first prompt of a data set, and how many there are.

    Attributes:
        prompts: short enough to be trained on.
        too_long: rows whose prompt is not.
        first: the text of the first prompt, its special tokens written out.
        first_tokens: its length.
        gold: what the rewards compare an answer to it with; None where the data has none.
    """

    prompts: int
    too_long: int
    first: str
    first_tokens: int
    gold: str | None


def make_preview(plan: Plan) -> Preview:
    """Render the prompts with the tokenizer of the model, which itself is not loaded.

    Raises:
        GpgError: there is no tokenizer; or see `training_prompts`.
    """
    name = plan.settings.run.model_name_or_path
    if name == QUICKSTART:
        from gpg_cli.training.quickstart import make_tokenizer

        tokenizer = make_tokenizer()
    else:
        try:
            tokenizer = load_processing(plan, find_model(name).location)
        except (OSError, ValueError) as error:
            raise GpgError(
                f"the tokenizer of {name} cannot be loaded: {str(error).splitlines()[0]}", "Check the model."
            ) from error
    rows = training_prompts(plan, tokenizer)
    first = rows[0]
    tokens = tokenize_prompts([first["prompt"]], tokenizer, plan.config.chat_template_kwargs)[0]
    text = tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return Preview(len(rows), len(plan.data.rows) - len(rows), text, len(tokens), first.get("solution"))
