"""`gpg env`: what this machine and this installation are, and what is likely wrong with them."""
