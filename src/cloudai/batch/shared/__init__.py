"""A keeper owns one journal and one pace, and serves them to the batches of many computers."""
