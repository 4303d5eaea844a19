"""Benchmarks: what each measures is its first line, and one command prints it: `python -m bench NAME`."""
