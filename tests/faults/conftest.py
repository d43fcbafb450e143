"""Models, and a Hub, that the fault tests share with others."""

from tests.evaluation.conftest import chat_model
from tests.publishing.conftest import exported, hub, run

__all__ = ["chat_model", "exported", "hub", "run"]
