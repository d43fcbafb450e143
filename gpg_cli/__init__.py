"""Train language models to reason with Group Policy Gradient (arXiv 2504.02546), measure them, publish them."""

__version__ = "0.1.0"
