"""The benchmarks of cloudai, beside plain httpx2 and the vendors' own packages; `make bench` runs them all."""
