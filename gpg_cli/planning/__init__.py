"""How much memory a run would take on each GPU, and where it fits: arithmetic, without a model or a GPU."""
