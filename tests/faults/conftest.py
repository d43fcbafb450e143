"""Models that the fault tests share with others."""

from tests.evaluation.conftest import chat_model

__all__ = ["chat_model"]
