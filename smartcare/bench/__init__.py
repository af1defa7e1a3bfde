"""Benchmarks of the README: figures with the conditions they were taken under, beside a baseline in the same run."""
