"""Measures Lyceum beside its peers: `python -m benchmarks`, `make bench`."""
