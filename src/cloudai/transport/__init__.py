"""The network: requests go out by httpx2, and nothing above this package knows it."""
