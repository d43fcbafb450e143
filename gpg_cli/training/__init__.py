"""`gpg train`: from settings and data to a trained model. The story is in run.py."""
