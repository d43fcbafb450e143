"""From a run to a published model: copied, documented, verified, uploaded."""
