"""What training and evaluation share about pictures: reading and checking them, and what a model makes of them."""
