"""From a data set to rows the trainer takes: a prompt, the gold text its rewards read, and the data's other columns.

With pictures a row also has `images`, encoded; `row_pictures` reads them.
"""

from gpg_cli.training.data.decontamination import BenchQuestions
from gpg_cli.training.data.loading import TrainingData, load_training_data
from gpg_cli.training.data.picture_cells import row_pictures
from gpg_cli.training.data.picture_prompts import prepare_processor
from gpg_cli.training.data.rendering import make_prompts

__all__ = [
    "BenchQuestions",
    "TrainingData",
    "load_training_data",
    "make_prompts",
    "prepare_processor",
    "row_pictures",
]
