"""From a data set to rows the trainer takes: a prompt, the gold text its rewards read, and the data's other columns."""

from gpg_cli.training.data.decontamination import BenchQuestions
from gpg_cli.training.data.loading import TrainingData, load_training_data
from gpg_cli.training.data.rendering import make_prompts

__all__ = ["BenchQuestions", "TrainingData", "load_training_data", "make_prompts"]
