"""Draw charts of tables of results: what is drawn is computed apart from how it is drawn."""
