"""The built-in providers, a package each."""
