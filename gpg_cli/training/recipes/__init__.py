"""Recipes and commands of other projects: open-r1's, open-rs's, TRL's, and those of the paper's repository.

keys.py says what becomes of each key, translate.py carries it out, foreign.py reads a whole file as it was meant where
it comes from, batch.py mends its batch, template.py reads its chat template, overrides.py understands TRL's way of
overriding settings on the command line.
"""

from gpg_cli.training.recipes.batch import fit_batch
from gpg_cli.training.recipes.foreign import Foreign, meant_then, read_foreign
from gpg_cli.training.recipes.template import chat_template_text
from gpg_cli.training.recipes.translate import Translation, translate

__all__ = [
    "Foreign",
    "Translation",
    "chat_template_text",
    "fit_batch",
    "meant_then",
    "read_foreign",
    "translate",
]
