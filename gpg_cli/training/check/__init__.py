"""`gpg check`: what would go wrong in a training, found before anyone pays for it."""
