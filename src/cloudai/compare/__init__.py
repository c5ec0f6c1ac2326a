"""Compare what several providers say of the same inputs, with each other and with a reference."""
